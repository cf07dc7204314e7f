"""One model for every rate: step sizes that are learned at a few rate weights and interpolated in between.

Position t = k is the rate weight number k of the configuration; larger positions have smaller steps and more bits. At
a high rate the best squared step is proportional to λ, which is where the step sizes begin.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cca_jax.config import ModelConfig
from cca_jax.model.integer_network.rate import IntegerRate, trained_rate
from cca_jax.ops.quantization import interpolate_rows


def initial_log_steps(config: ModelConfig) -> np.ndarray:
    """The logarithms that the step sizes begin with, float32 [K, M]: ½ ln λ around its mean, in all channels."""
    logs = 0.5 * np.log(np.array(config.rate_weights))
    return np.repeat((logs - logs.mean())[:, None], config.latent_channels, axis=1).astype(np.float32)


def rate_weight_at(config: ModelConfig, position: Float[Array, " B"]) -> Float[Array, " B"]:
    """λ at positions from 0 to K - 1: interpolated geometrically between the configuration's."""
    logs = jnp.log(jnp.array(config.rate_weights, jnp.float32))
    return jnp.exp(interpolate_rows(logs[:, None], position)[:, 0])


class StepSizes(nn.Module):
    """The step size of each channel of the latent, as a function of the position among the rates."""

    config: ModelConfig

    def setup(self) -> None:
        shape = (self.config.num_rates, self.config.latent_channels)
        self.log_step = self.param("log_step", self._initialize, shape)

    def __call__(self, position: Float[Array, " B"]) -> Float[Array, "B 1 1 M"]:
        return jnp.exp(interpolate_rows(self.log_step, position))[:, None, None]

    def exact(self, position: Float[Array, " B"]) -> IntegerRate:
        """What the network of integers is told of these positions."""
        return trained_rate(self.config, self.log_step, position)

    def _initialize(self, key: Array, shape: tuple[int, ...], dtype: jax.typing.DTypeLike = jnp.float32) -> Array:
        del key, shape
        return jnp.asarray(initial_log_steps(self.config), dtype)
