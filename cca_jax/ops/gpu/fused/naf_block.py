"""A NAFBlock as six kernels: three forward, three back, and the products that give matrices' gradients.

Left to itself, XLA writes and reads every plane between norms, products, gates and residuals: 78 times a plane's size,
with the gradient. Here it is 42.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Float

from cca_jax.ops.gpu.fused.expansion import expand, expand_backward
from cca_jax.ops.gpu.fused.feed_forward import FeedForward, feed_forward, feed_forward_backward, over_positions
from cca_jax.ops.gpu.fused.gated import gated, gated_backward
from cca_jax.ops.gpu.fused.squares import Plane

Params = Mapping[str, Any]


class _Weights(NamedTuple):
    """A block's parameters, scales and biases of its norms, β and γ within the matrices."""

    expand: Array
    expand_bias: Array
    taps: Array
    taps_bias: Array
    attention: Array
    attention_bias: Array
    project: Array
    project_bias: Array
    widen: Array
    widen_bias: Array
    narrow: Array
    narrow_bias: Array


def naf_block(params: Params, x: Float[Array, "B H W C"], interpret: bool = False) -> Float[Array, "B H W C"]:
    """`layers.NAFBlock`; products add up in float32, and what a kernel writes is in x's type."""
    plane = Plane(*x.shape[1:3])
    flat = x.reshape(len(x), plane.positions, -1)
    return _block(plane, interpret, flat, _folded(params)).reshape(x.shape)


def _folded(params: Params) -> _Weights:
    def after_norm(layer: Params, norm: Params) -> tuple[Array, Array]:
        matrix = layer["kernel"][0, 0]
        shift = (norm["bias"][:, None] * matrix).sum(0)  # no matrix product, which may multiply in fewer bits
        return norm["scale"][:, None] * matrix, layer["bias"] + shift

    def scaled(layer: Params, factor: Array) -> tuple[Array, Array]:
        return layer["kernel"][0, 0] * factor[None], layer["bias"] * factor

    return _Weights(
        *after_norm(params["expand_spatial"], params["norm_spatial"]),
        params["depthwise"]["kernel"],
        params["depthwise"]["bias"],
        params["attention"]["kernel"][0, 0],
        params["attention"]["bias"],
        *scaled(params["project_spatial"], params["beta"]),
        *after_norm(params["expand_channel"], params["norm_channel"]),
        *scaled(params["project_channel"], params["gamma"]),
    )


def _attended(average: Array, attention: Array, bias: Array, project: Array) -> Array:
    """The projection's matrix, one an image: what it multiplies is weighted by channel."""
    weight = (average[..., None] * attention[None]).sum(1) + bias[None]
    return weight[..., None] * project[None]


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _block(plane: Plane, interpret: bool, x: Float[Array, "B P C"], weights: _Weights) -> Float[Array, "B P C"]:
    return _forward(plane, interpret, x, weights)[0]


def _forward(plane: Plane, interpret: bool, x: Array, weights: _Weights) -> tuple[Array, tuple[Any, ...]]:
    wide = expand(x, weights.expand, weights.expand_bias, interpret)
    u, average = gated(wide, weights.taps, weights.taps_bias, plane, interpret)
    attended = _attended(average, weights.attention, weights.attention_bias, weights.project)
    z = feed_forward(u, x, _feed_forward(attended, weights), interpret)
    return z, (x, wide, u, average, weights)


def _feed_forward(attended: Array, weights: _Weights) -> FeedForward:
    return FeedForward(attended, weights.project_bias, *weights[-4:])


def _backward(plane: Plane, interpret: bool, residuals: tuple[Any, ...], cotangent: Array) -> tuple[Array, _Weights]:
    x, wide, u, average, weights = residuals
    by_channel = average, weights.attention, weights.attention_bias, weights.project
    attended, to_channels = jax.vjp(_attended, *by_channel)
    to_u, to_x, to = feed_forward_backward(u, x, _feed_forward(attended, weights), cotangent, interpret)
    to_average, to_attention, to_attention_bias, to_project = to_channels(to.attended)
    taps = weights.taps, weights.taps_bias
    to_sums, to_taps, to_taps_bias = gated_backward(wide, *taps, to_u, to_average, plane, interpret)
    to_x, normalized, to_wide, to_expand_bias = expand_backward(
        x, to_x, to_sums, weights.expand, weights.taps, plane, interpret
    )
    return to_x, _Weights(
        expand=over_positions(normalized, to_wide, weights.expand),
        expand_bias=to_expand_bias,
        taps=to_taps,
        taps_bias=to_taps_bias,
        attention=to_attention,
        attention_bias=to_attention_bias,
        project=to_project,
        project_bias=to.attended_bias,
        widen=to.widen,
        widen_bias=to.widen_bias,
        narrow=to.narrow,
        narrow_bias=to.narrow_bias,
    )


_block.defvjp(_forward, _backward)
