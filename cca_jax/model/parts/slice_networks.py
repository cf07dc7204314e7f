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
from cca_jax.model.parts.padded_slices import (
    context_runs,
    own_runs,
    padded_head,
    padded_predictor,
    stacked_slices,
    unpad_channels,
    unstacked_slices,
)
from cca_jax.model.parts.slice_model import KnownSlices, SliceModel, SlicePrediction
from cca_jax.model.parts.slice_steps import OwnParts, SliceTurn, predict_with, refine_with
from cca_jax.model.rates import RatePoint, step_size_of
from cca_jax.model.recurrence import refined_slices, seen_slices, slice_loop
from cca_jax.ops import platform
from cca_jax.ops.valid_region import ValidRegion

_LOOPED_WIDTH = 128
"""Context channels from which a TPU's program loops over the slices: narrower networks move less than the loop does.

Measured at 48 and 224, on a v5e chip."""


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
        looped = platform.on_tpu() and region is None
        kind = rematerialized(_Predictor, in_scan=looped) if self.remat else _Predictor
        predictor = kind(self.config, self.channels, parent=None)
        if self.is_initializing():
            draw_stacked(self, predictor, len(contexts), contexts[0])
        require_params(self, "stack", "head")

        def predict(params: Any, context: Array) -> tuple[Array, Array]:
            return predictor.apply({"params": params}, context, region)

        if looped:
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
        sizes, refined = self.config.slice_sizes, refined_slices(self.config, self.skip)
        self.predictors = [self._make_predictor(size) for size in sizes]
        self.residual_heads = {str(index): self._make_residual_head(sizes[index]) for index in refined}

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
        hyper: tuple[Array, ...] = (hyper_mean,)
        if not self.config.exact_scales:
            hyper = (hyper_mean, cast(Array, hyper_scale))
        predictor = self.predictors[index]
        found = predict_with(lambda x: predictor(x, region), hyper, context, own_step_size, self.compute_dtype)
        if self.config.exact_scales and hyper_scale is not None:
            return found._replace(scale=hyper_scale[..., channels])
        return found

    def refine(
        self,
        index: int,
        features: Array,
        dequantized: Array,
        region: ValidRegion | None = None,
        step_size: Array | None = None,
    ) -> Array:
        """Latent residual prediction: adds ½ tanh of what the features say the rounding took away, in steps."""
        head = self.residual_heads[str(index)]
        return refine_with(lambda x: head(x, region), features, dequantized, step_size, self.compute_dtype)

    def decode_known(
        self, y: Array, hyper_mean: Array, hyper_scale: Array | None, rate: RatePoint | None
    ) -> KnownSlices:
        """See `SliceModel`. A TPU's program has wide networks once, as those of slices of one size, and loops."""
        config = self.config
        worth_a_loop = config.context_channels >= _LOOPED_WIDTH and config.num_slices > 1
        own_networks = type(self) is not SliceNetworks
        if not platform.on_tpu() or not worth_a_loop or own_networks or self.is_initializing():
            return super().decode_known(y, hyper_mean, hyper_scale, rate)
        exact, step_size = config.exact_scales, step_size_of(rate)
        hyper = (hyper_mean,) if exact else (hyper_mean, cast(Array, hyper_scale))
        stacked_steps = None if step_size is None else stacked_slices(config, step_size, 1.0)
        own = OwnParts(*self._padded_networks(), stacked_slices(config, y), stacked_steps)
        largest = max(config.slice_sizes)
        turn = SliceTurn(
            self._make_predictor(largest, True), self._make_residual_head(largest, True), self.compute_dtype
        )
        seen = seen_slices(config, self.skip)
        late = [index for index in refined_slices(config, self.skip) if index not in seen]  # with skip = 0 alone

        def outputs(found: SlicePrediction) -> tuple[Array | None, ...]:
            return found.mean, found.scale, found.features if late else None

        decoded, (means, scales, features) = slice_loop(
            config, self.skip, turn.predict, turn.code, turn.refine, outputs, hyper, own, y
        )
        channels = [self._channels(index) for index in range(config.num_slices)]
        step_sizes = [None if step_size is None else step_size[..., part] for part in channels]
        own_scales: Sequence[Array | None] = [None] * config.num_slices
        if not exact:
            own_scales = unstacked_slices(config, scales)
        elif hyper_scale is not None:
            own_scales = [hyper_scale[..., part] for part in channels]
        for index in late:
            own_features = unpad_channels(features[index], -1, context_runs(config, index, self.skip))
            decoded[index] = self.refine(index, own_features, decoded[index], step_size=step_sizes[index])
        return KnownSlices(decoded, unstacked_slices(config, means), own_scales, step_sizes)

    @nn.nowrap
    def _make_predictor(self, size: int, in_loop: bool = False) -> nn.Module:
        """Of a slice of `size` channels: a submodule, or one by itself for a loop."""
        alone = {"parent": None} if in_loop else {}
        if not self.config.exact_scales:
            return _MeanAndScale(self.config, size, self.remat, **alone)
        return (rematerialized(_Predictor, in_loop) if self.remat else _Predictor)(self.config, size, **alone)

    @nn.nowrap
    def _make_residual_head(self, size: int, in_loop: bool = False) -> nn.Module:
        alone = {"parent": None} if in_loop else {}
        return (rematerialized(Head, in_loop) if self.remat else Head)(size, self.config.head_channels, **alone)

    def _padded_networks(self) -> tuple[Any, Any]:
        """Parameters of all slices' predictors and residual heads, padded to one size and stacked.

        Heads of slices that no slice sees are not among them: they decide the picture alone, come after the loop, and
        can so be trained without it (`--finish`). Their places hold heads of zeros, which change nothing; where no
        slice is seen, there is None.
        """
        params = self.variables["params"]
        seen, numbers = seen_slices(self.config, self.skip), range(self.config.num_slices)
        context = [context_runs(self.config, index, self.skip) for index in numbers]
        own = [own_runs(self.config, index) for index in numbers]
        predictors = [padded_predictor(params[f"predictors_{index}"], context[index], own[index]) for index in numbers]
        if not seen:
            return _stacked(predictors), None
        heads = {
            index: padded_head(params[f"residual_heads_{index}"], [*context[index], *own[index]], own[index])
            for index in seen
        }
        zeros = jax.tree.map(jnp.zeros_like, heads[seen[0]])
        return _stacked(predictors), _stacked([heads.get(index, zeros) for index in numbers])


def _stacked(trees: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)
