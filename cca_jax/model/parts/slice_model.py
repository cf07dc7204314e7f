"""What is common to all that predict the slices (paper section 3.2).

The latent is cut on channels into slices; each is predicted from the hyperprior and from the decoded slices that the
context rule of `recurrence` gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.config import ModelConfig
from cca_jax.model.rates import RatePoint
from cca_jax.model.recurrence import slice_recurrence
from cca_jax.ops.likelihoods.density import LIKELIHOODS, SCALE_FLOOR
from cca_jax.ops.quantization.rounding import round_straight_through
from cca_jax.ops.quantization.step_sizes import from_steps, to_steps
from cca_jax.ops.valid_region import ValidRegion

__all__ = [
    "Code",
    "EvaluatedLatent",
    "KnownSlices",
    "SliceModel",
    "SlicePrediction",
    "dequantized_slice",
    "slice_recurrence",
]


class SlicePrediction(NamedTuple):
    """What is known of a slice of m channels before it is coded; [B, H/16, W/16, ·].

    Attributes:
        mean: μ, [..., m].
        scale: σ before its lower bound, [..., m]; of a Laplacian √2 standard deviations. None where scales follow from
            all slices' integers, which tell them apart from this.
        features: what `SliceModel.refine` reads again; of the paper's networks the mean's context features.
        step_size: Δ of a model of several rates, [B, 1, 1, m]; the scale counts in steps, the mean does not.
    """

    mean: Float[Array, "B h w m"]
    scale: Float[Array, "B h w m"] | None
    features: Float[Array, "B h w F"]
    step_size: Float[Array, "B 1 1 m"] | None = None


class EvaluatedLatent(NamedTuple):
    """What the slices say of a latent that is known; [B, H/16, W/16, ·].

    Attributes:
        decoded: the decoded slices (those that have a residual prediction), [..., m].
        likelihoods: of every value, [..., M], in [1e-9, 1].
        means: μ, [..., M].
        scales: σ in steps, at least its floor, [..., M].
        step_sizes: Δ as predicted, [B, 1, 1, M]; None where no slice has one.
    """

    decoded: list[Array]
    likelihoods: Float[Array, "B h w M"]
    means: Float[Array, "B h w M"]
    scales: Float[Array, "B h w M"]
    step_sizes: Float[Array, "B 1 1 M"] | None


class KnownSlices(NamedTuple):
    """What the recurrence makes of a latent that is known, slice by slice; [B, H/16, W/16, m].

    Attributes:
        decoded: the decoded slices (those that have a residual prediction).
        means: μ.
        scales: σ before its lower bound, in steps; None where scales follow from all slices' integers.
        step_sizes: Δ of a model of several rates, [B, 1, 1, m].
    """

    decoded: list[Array]
    means: Sequence[Array]
    scales: Sequence[Array | None]
    step_sizes: Sequence[Array | None]


Code = Callable[[int, SlicePrediction], Array]
"""(slice, prediction) to what is coded of it, dequantised: from the encoder's latent or from the decoder's stream."""
Scales = Callable[[Sequence[Array]], Sequence[Array]]
"""The symbols of all slices to the scales of all, in a model whose scales follow from integers alone."""


class SliceModel(nn.Module):
    """What an entropy model says of the slices: its subclasses predict a slice and refine it, the rest is shared.

    Attributes:
        config: the model's sizes.
        skip: 0 for the main model, 1 for the auxiliary one.
        compute_dtype: what the networks compute in; means, scales and decoded slices have the type of their inputs.
        remat: whether the backward pass computes the networks' insides again instead of keeping them.
    """

    config: ModelConfig
    skip: int
    compute_dtype: jax.typing.DTypeLike = jnp.float32
    remat: bool = False

    def predict(
        self,
        index: int,
        hyper_mean: Array,
        hyper_scale: Array | None,
        context: Sequence[Array],
        region: ValidRegion | None = None,
        rate: RatePoint | None = None,
    ) -> SlicePrediction:
        """Mean, scale and features of slice `index` from the hyperprior [B, H/16, W/16, M] and its context.

        With exact scales `hyper_scale` is the scales themselves, or None, and only the mean is to be predicted.
        """
        raise NotImplementedError

    def refine(
        self,
        index: int,
        features: Array,
        dequantized: Array,
        region: ValidRegion | None = None,
        step_size: Array | None = None,
    ) -> Array:
        """The decoded slice of what was coded of it, dequantised."""
        raise NotImplementedError

    def decode(
        self,
        hyper_mean: Array,
        hyper_scale: Array | None,
        code: Code,
        region: ValidRegion | None = None,
        rate: RatePoint | None = None,
    ) -> list[Array]:
        """The recurrence over these networks; `code` supplies each dequantised slice."""
        return slice_recurrence(
            self.config,
            self.skip,
            lambda index, context: self.predict(index, hyper_mean, hyper_scale, context, region, rate),
            code,
            lambda index, prediction, value: self.refine(
                index, prediction.features, value, region, prediction.step_size
            ),
        )

    def likelihood(
        self,
        y: Array,
        hyper_mean: Array,
        hyper_scale: Array | Scales,
        noise: Array | None,
        rate: RatePoint | None = None,
    ) -> EvaluatedLatent:
        """Runs the slices over a latent that is known.

        Args:
            y: the latent [B, H/16, W/16, M].
            hyper_mean: μ_h, like y.
            hyper_scale: σ_h, like y; or what makes scales of all symbols, which are rounded straight through.
            noise: in steps; the likelihoods are those of y + noise. None: of y rounded around the means.
            rate: with Δ, or None.
        """
        slices = self.decode_known(y, hyper_mean, None if callable(hyper_scale) else hyper_scale, rate)
        mean, step_size = jnp.concatenate(slices.means, axis=-1), _step_sizes(slices)
        distance = to_steps(y, mean, step_size)
        symbols = round_straight_through(distance)
        scales = cast(Sequence[Array], slices.scales)
        if callable(hyper_scale):
            scales = hyper_scale(jnp.split(symbols, self.config.slice_edges[1:-1], axis=-1))
        scale = jnp.concatenate(scales, axis=-1)
        if step_size is None:
            value, center = from_steps(symbols, mean, None) if noise is None else y + noise, mean
        else:  # the bins are as wide as a step, and so are the units of the scale
            value = symbols if noise is None else distance + noise
            center = jnp.zeros_like(value)
        likelihoods = LIKELIHOODS[self.config.latent_density](value, center, scale)
        return EvaluatedLatent(slices.decoded, likelihoods, mean, jnp.maximum(scale, SCALE_FLOOR), step_size)

    def decode_known(
        self, y: Array, hyper_mean: Array, hyper_scale: Array | None, rate: RatePoint | None
    ) -> KnownSlices:
        """Runs the slices over a latent that is known: each in whole steps from its mean.

        Args:
            y: the latent [B, H/16, W/16, M].
            hyper_mean: μ_h, like y.
            hyper_scale: σ_h, like y; None where scales follow from all slices' integers.
            rate: with Δ, or None.
        """
        predictions: list[SlicePrediction] = []

        def code(index: int, prediction: SlicePrediction) -> Array:
            predictions.append(prediction)
            return dequantized_slice(y[..., self._channels(index)], prediction)

        decoded = self.decode(hyper_mean, hyper_scale, code, rate=rate)
        return KnownSlices(
            decoded,
            [own.mean for own in predictions],
            [own.scale for own in predictions],
            [own.step_size for own in predictions],
        )

    def _channels(self, index: int) -> slice:
        edges = self.config.slice_edges
        return slice(edges[index], edges[index + 1])


def _step_sizes(slices: KnownSlices) -> Float[Array, "B 1 1 M"] | None:
    """Δ of all slices, 1 where a slice has none; None where no slice has one."""
    if all(own is None for own in slices.step_sizes):
        return None
    pairs = zip(slices.step_sizes, slices.means, strict=True)
    return jnp.concatenate([jnp.ones_like(mean[:, :1, :1]) if own is None else own for own, mean in pairs], axis=-1)


def dequantized_slice(target: Float[Array, "B h w m"], prediction: SlicePrediction) -> Float[Array, "B h w m"]:
    """A slice of the latent in whole steps from its mean; gradients pass as if nothing were rounded."""
    steps = round_straight_through(to_steps(target, prediction.mean, prediction.step_size))
    return from_steps(steps, prediction.mean, prediction.step_size)
