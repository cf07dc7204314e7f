"""The networks that predict the slices (paper section 3.2).

The latent is cut on channels into slices; each is predicted from the hyperprior and from the decoded slices that the
context rule of `recurrence` gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.config import ModelConfig
from cca_jax.model.layers import Head
from cca_jax.model.rates import RatePoint, step_size_of
from cca_jax.model.recurrence import context_length, refined_slices, slice_recurrence
from cca_jax.model.stacks import NAFStack, draw_stacked, rematerialized, require_params
from cca_jax.ops import platform
from cca_jax.ops.likelihoods.density import LIKELIHOODS, SCALE_FLOOR
from cca_jax.ops.precision import narrow
from cca_jax.ops.quantization.rounding import round_straight_through
from cca_jax.ops.quantization.step_sizes import from_steps, to_steps
from cca_jax.ops.valid_region import ValidRegion

__all__ = [
    "Code",
    "EvaluatedLatent",
    "SliceNetworks",
    "SlicePrediction",
    "context_length",
    "refined_slices",
    "slice_recurrence",
]


class SlicePrediction(NamedTuple):
    """What is known of a slice of m channels before it is coded; [B, H/16, W/16, ·].

    Attributes:
        mean: μ, [..., m].
        scale: σ before its lower bound, [..., m]; of a Laplacian √2 standard deviations. None where scales follow from
            all slices' integers, which tell them apart from this.
        features: the mean's context features, which the residual prediction reads again.
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
    """

    decoded: list[Array]
    likelihoods: Float[Array, "B h w M"]
    means: Float[Array, "B h w M"]
    scales: Float[Array, "B h w M"]


Code = Callable[[int, SlicePrediction], Array]
"""(slice, prediction) to what is coded of it, dequantised: from the encoder's latent or from the decoder's stream."""
Scales = Callable[[Sequence[Array]], Sequence[Array]]
"""The symbols of all slices to the scales of all, in a model whose scales follow from integers alone."""


class _Predictor(nn.Module):
    """Context features and what a head makes of them: the same network for the mean and for the scale."""

    config: ModelConfig
    channels: int

    @nn.compact
    def __call__(self, context: Array, region: ValidRegion | None = None) -> tuple[Array, Array]:
        width, blocks = self.config.context_channels, self.config.context_blocks
        features = NAFStack(context.shape[-1], width, blocks, name="stack")(context, region)
        return Head(self.channels, self.config.head_channels, name="head")(features, region), features


class _MeanAndScale(nn.Module):
    """Two `_Predictor`s over stacked parameters, [2, …]: they compile once.

    They run side by side. A TPU trains one after the other, which halves the program: every 3×3 convolution is there
    once, not once for each.
    """

    config: ModelConfig
    channels: int
    remat: bool

    @nn.compact
    def __call__(self, contexts: Array, region: ValidRegion | None = None) -> tuple[Array, Array]:
        kind = rematerialized(_Predictor) if self.remat else _Predictor
        predictor = kind(self.config, self.channels, parent=None)
        if self.is_initializing():
            draw_stacked(self, predictor, len(contexts), contexts[0])
        require_params(self, "stack", "head")

        def predict(params: Any, context: Array) -> tuple[Array, Array]:
            return predictor.apply({"params": params}, context, region)

        if platform.on_tpu() and region is None:
            return jax.lax.map(lambda one: predict(*one), (self.variables["params"], contexts))
        return jax.vmap(predict)(self.variables["params"], contexts)


class SliceNetworks(nn.Module):
    """The networks of all slices under one context rule.

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

    def setup(self) -> None:
        sizes = self.config.slice_sizes
        if self.config.exact_scales:
            predictor = rematerialized(_Predictor) if self.remat else _Predictor
            self.predictors = [predictor(self.config, size) for size in sizes]
        else:
            self.predictors = [_MeanAndScale(self.config, size, self.remat) for size in sizes]
        head = rematerialized(Head) if self.remat else Head
        count = refined_slices(len(sizes), self.skip)
        self.residual_heads = [head(size, self.config.head_channels) for size in sizes[:count]]

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

        With exact scales `hyper_scale` is the scales themselves, or None, and only the mean has a network.
        """
        channels = self._channels(index)
        step_size = step_size_of(rate)
        own_step_size = None if step_size is None else step_size[..., channels]
        if self.config.exact_scales:
            inputs = narrow(jnp.concatenate([hyper_mean, *context], axis=-1), self.compute_dtype)
            mean, features = self.predictors[index](inputs, region)
            scale = None if hyper_scale is None else hyper_scale[..., channels]
            return SlicePrediction(mean.astype(hyper_mean.dtype), scale, features, own_step_size)
        both = [jnp.concatenate([hyper, *context], axis=-1) for hyper in (hyper_mean, cast(Array, hyper_scale))]
        outputs, features = self.predictors[index](narrow(jnp.stack(both), self.compute_dtype), region)
        outputs = outputs.astype(hyper_mean.dtype)
        return SlicePrediction(outputs[0], outputs[1], features[0], own_step_size)

    def refine(
        self,
        index: int,
        features: Array,
        dequantized: Array,
        region: ValidRegion | None = None,
        step_size: Array | None = None,
    ) -> Array:
        """Latent residual prediction: adds ½ tanh of what the features say the rounding took away, in steps."""
        inputs = [features, narrow(dequantized, self.compute_dtype)]
        residual = self.residual_heads[index](jnp.concatenate(inputs, axis=-1), region)
        return from_steps(0.5 * jnp.tanh(residual.astype(dequantized.dtype)), dequantized, step_size)

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
            self.config.num_slices,
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
        densities_at: list[tuple[Array, Array]] = []  # where each slice's density is evaluated, and its centre
        predictions: list[SlicePrediction] = []
        symbols: list[Array] = []

        def code(index: int, prediction: SlicePrediction) -> Array:
            channels = self._channels(index)
            target, own_noise = y[..., channels], None if noise is None else noise[..., channels]
            distance = to_steps(target, prediction.mean, prediction.step_size)
            rounded = round_straight_through(distance)
            dequantized = from_steps(rounded, prediction.mean, prediction.step_size)
            if prediction.step_size is None:
                value, center = dequantized if own_noise is None else target + own_noise, prediction.mean
            else:  # the bins are as wide as a step, and so are the units of the scale
                value = rounded if own_noise is None else distance + own_noise
                center = jnp.zeros_like(value)
            densities_at.append((value, center))
            predictions.append(prediction)
            symbols.append(rounded)
            return dequantized

        decoded = self.decode(hyper_mean, None if callable(hyper_scale) else hyper_scale, code, rate=rate)
        predicted = [prediction.scale for prediction in predictions]
        scales: Sequence[Any] = hyper_scale(symbols) if callable(hyper_scale) else predicted
        density = LIKELIHOODS[self.config.latent_density]
        likelihoods = [density(*at, scale) for at, scale in zip(densities_at, scales, strict=True)]
        means = [prediction.mean for prediction in predictions]
        whole = [jnp.concatenate(parts, axis=-1) for parts in (likelihoods, means, scales)]
        return EvaluatedLatent(decoded, whole[0], whole[1], jnp.maximum(whole[2], SCALE_FLOOR))

    def _channels(self, index: int) -> slice:
        edges = self.config.slice_edges
        return slice(edges[index], edges[index + 1])
