"""One model for every rate: step sizes that are learned at a few rate weights and interpolated in between.

Rate index k is the rate weight number k of the configuration; larger ones have smaller steps and more bits. At a high
rate the best squared step is proportional to λ, which is where the step sizes begin.
"""

from __future__ import annotations

from typing import cast

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cca_jax.config import ModelConfig
from cca_jax.config.quality_scale import rate_index
from cca_jax.model.integer_network.rate import IntegerRate, trained_rate
from cca_jax.ops.quantization.step_sizes import interpolate_rows


@flax.struct.dataclass
class RatePoint:
    """At which rate each image is computed: the one argument that says so, from the objective down to the slices.

    A model of one rate may also be given None, except by the objective, which needs λ.

    Attributes:
        weight: λ > 0 of each image, [B]; one for all, [], in a model of one rate.
        index: each image's position among the model's rates, 0 … K - 1, [B]; None in a model of one rate.
        step_size: Δ of each latent channel, [B, 1, 1, M]; None in a model of one rate, where Δ is 1, and until
            `CCAModel.complete_rate` fills it in.
        integer: the same for the integer network; None without exact scales, otherwise like `step_size`.
    """

    weight: Float[Array, "..."]
    index: Float[Array, "..."] | None = None
    step_size: Float[Array, "B 1 1 M"] | None = None
    integer: IntegerRate | None = None

    @classmethod
    def single(cls, weight: float | Float[Array, ""]) -> RatePoint:
        """Of a model of one rate, at the rate weight λ."""
        return cls(jnp.asarray(weight))

    @classmethod
    def at(cls, config: ModelConfig, index: Float[Array, " B"], integer: IntegerRate | None = None) -> RatePoint:
        """At positions among the rates of a model of several; `integer` where it is known exactly."""
        return cls(rate_weight_at(config, index), jnp.asarray(index), integer=integer)

    @classmethod
    def of_row(cls, config: ModelConfig, row: int) -> RatePoint:
        """One image at the configuration's rate weight of that number, which is λ to the last bit."""
        return cls(jnp.array([config.rate_weights[row]], jnp.float32), jnp.array([row], jnp.float32))

    @classmethod
    def of_quality(cls, config: ModelConfig, quality: float) -> RatePoint:
        """One image at a quality from 1 to 100, in a model of several rates."""
        return cls.at(config, jnp.array([float(rate_index(quality, config.num_rates))], jnp.float32))


def step_size_of(rate: RatePoint | None) -> Float[Array, "B 1 1 M"] | None:
    """Δ of a rate point; None where it is 1.

    Raises:
        ValueError: the point is of a model of several rates, and Δ was not filled in.
    """
    if rate is None:
        return None
    if rate.index is not None and rate.step_size is None:
        raise ValueError("this rate point has no step sizes: pass it through CCAModel.complete_rate")
    return rate.step_size


def integer_rate_of(rate: RatePoint | None) -> IntegerRate | None:
    """What the integer network takes of a rate point."""
    return None if rate is None else rate.integer


def in_steps(y: Float[Array, "B h w M"], rate: RatePoint | None) -> Float[Array, "B h w M"]:
    """A latent counted in steps: y / Δ."""
    step_size = step_size_of(rate)
    return y if step_size is None else y / step_size


def out_of_steps(y: Float[Array, "B h w M"], rate: RatePoint | None) -> Float[Array, "B h w M"]:
    """The inverse of `in_steps`: Δ · y."""
    step_size = step_size_of(rate)
    return y if step_size is None else step_size * y


def initial_log_steps(config: ModelConfig) -> np.ndarray:
    """The logarithms that the step sizes begin with, float32 [K, M]: ½ ln λ around its mean, in all channels."""
    logs = 0.5 * np.log(np.array(config.rate_weights))
    return np.repeat((logs - logs.mean())[:, None], config.latent_channels, axis=1).astype(np.float32)


def rate_weight_at(config: ModelConfig, index: Float[Array, " B"]) -> Float[Array, " B"]:
    """λ at positions from 0 to K - 1: interpolated geometrically between the configuration's."""
    logs = jnp.log(jnp.array(config.rate_weights, jnp.float32))
    return jnp.exp(interpolate_rows(logs[:, None], index)[:, 0])


class StepSizes(nn.Module):
    """The step size of each channel of the latent, as a function of the position among the rates."""

    config: ModelConfig

    def setup(self) -> None:
        shape = (self.config.num_rates, self.config.latent_channels)
        self.log_step = self.param("log_step", self._initialize, shape)

    def __call__(self, rate: RatePoint) -> RatePoint:
        """The point, which has an index, with Δ and, for exact scales, the integer rate unless it was given."""
        index, integer = cast(Array, rate.index), rate.integer
        step_size = jnp.exp(interpolate_rows(self.log_step, index))[:, None, None]
        if integer is None and self.config.exact_scales:
            integer = trained_rate(self.config, self.log_step, index)
        return RatePoint(rate.weight, index, step_size, integer)

    def _initialize(self, key: Array, shape: tuple[int, ...], dtype: jax.typing.DTypeLike = jnp.float32) -> Array:
        del key, shape
        return jnp.asarray(initial_log_steps(self.config), dtype)
