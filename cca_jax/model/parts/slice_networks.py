"""The paper's networks of the slices (section 3.2): mean and scale from the context, and the residual prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array

from cca_jax.config import ModelConfig
from cca_jax.model.blocks.layers import Head
from cca_jax.model.blocks.stacks import NAFStack, draw_stacked, rematerialized, require_params
from cca_jax.model.parts.slice_model import SliceModel, SlicePrediction
from cca_jax.model.rates import RatePoint, step_size_of
from cca_jax.model.recurrence import refined_slices, seen_slices
from cca_jax.ops import platform
from cca_jax.ops.precision import narrow
from cca_jax.ops.quantization.step_sizes import from_steps
from cca_jax.ops.valid_region import ValidRegion


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


def picture_only_heads(config: ModelConfig) -> tuple[str, ...]:
    """The residual predictions that decide the picture alone: those of slices that no other slice is predicted from.

    That of another slice decides what is coded: decoded slices are the context of later ones, whose means follow from
    it, and a symbol is what is left of the latent after its mean.
    """
    seen = seen_slices(config, 0)
    return tuple(f"slices/residual_heads_{index}" for index in refined_slices(config, 0) if index not in seen)


class SliceNetworks(SliceModel):
    """The networks of all slices under one context rule (paper section 3.2)."""

    def setup(self) -> None:
        sizes = self.config.slice_sizes
        if self.config.exact_scales:
            predictor = rematerialized(_Predictor) if self.remat else _Predictor
            self.predictors = [predictor(self.config, size) for size in sizes]
        else:
            self.predictors = [_MeanAndScale(self.config, size, self.remat) for size in sizes]
        head = rematerialized(Head) if self.remat else Head
        refined = refined_slices(self.config, self.skip)
        self.residual_heads = {str(index): head(sizes[index], self.config.head_channels) for index in refined}

    def predict(
        self,
        index: int,
        hyper_mean: Array,
        hyper_scale: Array | None,
        context: Sequence[Array],
        region: ValidRegion | None = None,
        rate: RatePoint | None = None,
    ) -> SlicePrediction:
        """See `SliceModel`; with exact scales only the mean has a network."""
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
        residual = self.residual_heads[str(index)](jnp.concatenate(inputs, axis=-1), region)
        return from_steps(0.5 * jnp.tanh(residual.astype(dequantized.dtype)), dequantized, step_size)
