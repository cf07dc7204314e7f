"""The steps of a slice around its networks, slice by slice or in a loop over slices that were padded to one size."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.model.parts.slice_model import SlicePrediction, dequantized_slice
from cca_jax.ops.precision import narrow
from cca_jax.ops.quantization.step_sizes import from_steps


def predict_with(
    network: Callable[[Array], tuple[Array, Array]],
    hyper: tuple[Float[Array, "B h w M"], ...],
    context: Sequence[Float[Array, "B h w _"]],
    step_size: Float[Array, "B 1 1 m"] | None,
    compute_dtype: jax.typing.DTypeLike,
) -> SlicePrediction:
    """A slice's prediction from (μ_h, σ_h), or from μ_h alone, which tells no scale, and its context."""
    inputs = [jnp.concatenate([own, *context], axis=-1) for own in hyper]
    both = len(inputs) == 2
    outputs, features = network(narrow(jnp.stack(inputs) if both else inputs[0], compute_dtype))
    outputs = outputs.astype(hyper[0].dtype)
    if both:
        return SlicePrediction(outputs[0], outputs[1], features[0], step_size)
    return SlicePrediction(outputs, None, features, step_size)


def refine_with(
    network: Callable[[Array], Array],
    features: Float[Array, "B h w F"],
    dequantized: Float[Array, "B h w m"],
    step_size: Float[Array, "B 1 1 m"] | None,
    compute_dtype: jax.typing.DTypeLike,
) -> Float[Array, "B h w m"]:
    """The decoded slice: half a step at most beside what was coded of it."""
    inputs = [features, narrow(dequantized, compute_dtype)]
    residual = network(jnp.concatenate(inputs, axis=-1))
    return from_steps(0.5 * jnp.tanh(residual.astype(dequantized.dtype)), dequantized, step_size)


class OwnParts(NamedTuple):
    """What is a slice's own in the loop over slices of one size; None for what a model lacks."""

    predictor: Any
    residual_head: Any
    target: Array
    step_size: Array | None


_OfSlice = tuple[tuple[Array, ...], OwnParts]
"""What the hyperprior says to all slices, and a slice's own."""


@dataclasses.dataclass(frozen=True)
class SliceTurn:
    """What `slice_loop` does of a slice, by networks of the common size, without their parameters."""

    predictor: nn.Module
    residual_head: nn.Module
    compute_dtype: jax.typing.DTypeLike

    def predict(self, of_slice: _OfSlice, context: Sequence[Array]) -> SlicePrediction:
        hyper, own = of_slice
        network = partial(_apply, self.predictor, own.predictor)
        return predict_with(network, hyper, context, own.step_size, self.compute_dtype)

    def code(self, of_slice: _OfSlice, prediction: SlicePrediction) -> Array:
        return dequantized_slice(of_slice[1].target, prediction)

    def refine(self, of_slice: _OfSlice, prediction: SlicePrediction, dequantized: Array) -> Array:
        own = of_slice[1]
        if own.residual_head is None:
            return dequantized
        network = partial(_apply, self.residual_head, own.residual_head)
        return refine_with(network, prediction.features, dequantized, own.step_size, self.compute_dtype)


def _apply(network: nn.Module, params: Any, x: Array) -> Any:
    return network.apply({"params": params}, x)
