"""The paper's networks of the slices (section 3.2): mean and scale from the context, and the residual prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array

from cca_jax.config import ModelConfig
from cca_jax.model.blocks.layers import Head
from cca_jax.model.blocks.stacks import NAFStack, draw_stacked, rematerialized, require_params
from cca_jax.model.parts.equal_sizes import (
    context_places,
    equal_head,
    equal_predictor,
    own_places,
    stacked_slices,
    unstacked_slices,
)
from cca_jax.model.parts.slice_model import SliceModel, SlicePrediction, dequantized_slice
from cca_jax.model.rates import RatePoint, step_size_of
from cca_jax.model.recurrence import refined_slices, seen_slices, slice_loop
from cca_jax.ops import platform
from cca_jax.ops.precision import narrow
from cca_jax.ops.quantization.step_sizes import from_steps
from cca_jax.ops.valid_region import ValidRegion

_LOOPED_WIDTH = 128
"""Context channels from which a TPU's program loops over the slices: narrower networks move less than the loop does."""


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


class _Turn(NamedTuple):
    """What is a slice's own in the loop over slices of one size; None for what a model has not."""

    predictor: Any
    residual_head: Any
    target: Array
    step_size: Array | None


class SliceNetworks(SliceModel):
    """The networks of all slices under one context rule (paper section 3.2)."""

    def setup(self) -> None:
        sizes, refined = self.config.slice_sizes, refined_slices(self.config, self.skip)
        self.predictors = [self._predictor(size) for size in sizes]
        self.residual_heads = {str(index): self._residual_head(sizes[index]) for index in refined}

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
        found = _predicted(lambda x: predictor(x, region), hyper, context, own_step_size, self.compute_dtype)
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
        return _refined(lambda x: head(x, region), features, dequantized, step_size, self.compute_dtype)

    def decode_known(
        self, y: Array, hyper_mean: Array, hyper_scale: Array | None, rate: RatePoint | None
    ) -> tuple[list[Array], list[Array], Sequence[Array | None]]:
        """See `SliceModel`. A TPU's program has wide networks once, as those of slices of one size, and loops."""
        own_networks = (type(self).predict, type(self).refine) != (SliceNetworks.predict, SliceNetworks.refine)
        narrow_networks = self.config.context_channels < _LOOPED_WIDTH
        if not platform.on_tpu() or own_networks or narrow_networks or self.is_initializing():
            return super().decode_known(y, hyper_mean, hyper_scale, rate)
        config, exact, largest = self.config, self.config.exact_scales, max(self.config.slice_sizes)
        predictor, head = self._predictor(largest, parent=None), self._residual_head(largest, parent=None)
        compute_dtype = self.compute_dtype

        def turn(hyper: tuple[Array, ...], context: Sequence[Array], own: _Turn) -> tuple[Array, Any]:
            predict = partial(_apply, predictor, own.predictor)
            found = _predicted(predict, hyper, context, own.step_size, compute_dtype)
            decoded = dequantized_slice(own.target, found)
            if own.residual_head is not None:
                refine = partial(_apply, head, own.residual_head)
                decoded = _refined(refine, found.features, decoded, own.step_size, compute_dtype)
            return decoded, (found.mean, found.scale)

        step_size = step_size_of(rate)
        own = _Turn(
            *self._equal_networks(),
            stacked_slices(config, y),
            None if step_size is None else stacked_slices(config, step_size, 1),
        )
        hyper = (hyper_mean,) if exact else (hyper_mean, cast(Array, hyper_scale))
        decoded, (means, scales) = slice_loop(config, self.skip, turn, hyper, own, y)
        own_scales: Sequence[Array | None] = [None] * config.num_slices
        if not exact:
            own_scales = unstacked_slices(config, scales)
        elif hyper_scale is not None:
            own_scales = [hyper_scale[..., self._channels(index)] for index in range(config.num_slices)]
        return decoded, unstacked_slices(config, means), own_scales

    @nn.nowrap
    def _predictor(self, size: int, **parent: None) -> nn.Module:
        if self.config.exact_scales:
            return (rematerialized(_Predictor) if self.remat else _Predictor)(self.config, size, **parent)
        return _MeanAndScale(self.config, size, self.remat, **parent)

    @nn.nowrap
    def _residual_head(self, size: int, **parent: None) -> nn.Module:
        return (rematerialized(Head) if self.remat else Head)(size, self.config.head_channels, **parent)

    def _equal_networks(self) -> tuple[Any, Any]:
        """Parameters of all slices' predictors and residual heads, brought to one size and stacked.

        Slices that need no residual head get one of zeros; where none needs one, there is None.
        """
        predictors, heads = [], {}
        for index in range(self.config.num_slices):
            context, own = context_places(self.config, index, self.skip), own_places(self.config, index)
            params = self.variables["params"]
            predictors.append(equal_predictor(params[f"predictors_{index}"], context, own))
            if str(index) in self.residual_heads:
                heads[index] = equal_head(params[f"residual_heads_{index}"], [*context, *own], own)
        if not heads:
            return _stacked(predictors), None
        unused = jax.tree.map(jnp.zeros_like, next(iter(heads.values())))
        return _stacked(predictors), _stacked([heads.get(index, unused) for index in range(self.config.num_slices)])


def _stacked(trees: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def _apply(network: nn.Module, params: Any, x: Array) -> Any:
    return network.apply({"params": params}, x)


def _predicted(
    network: Callable[[Array], tuple[Array, Array]],
    hyper: tuple[Array, ...],
    context: Sequence[Array],
    step_size: Array | None,
    compute_dtype: jax.typing.DTypeLike,
) -> SlicePrediction:
    """Of (μ_h, σ_h), or of μ_h alone, which tells no scale."""
    inputs = [jnp.concatenate([own, *context], axis=-1) for own in hyper]
    both = len(inputs) == 2
    outputs, features = network(narrow(jnp.stack(inputs) if both else inputs[0], compute_dtype))
    outputs = outputs.astype(hyper[0].dtype)
    if both:
        return SlicePrediction(outputs[0], outputs[1], features[0], step_size)
    return SlicePrediction(outputs, None, features, step_size)


def _refined(
    network: Callable[[Array], Array],
    features: Array,
    dequantized: Array,
    step_size: Array | None,
    compute_dtype: jax.typing.DTypeLike,
) -> Array:
    inputs = [features, narrow(dequantized, compute_dtype)]
    residual = network(jnp.concatenate(inputs, axis=-1))
    return from_steps(0.5 * jnp.tanh(residual.astype(dequantized.dtype)), dequantized, step_size)
