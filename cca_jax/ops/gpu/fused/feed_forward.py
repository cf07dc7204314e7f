"""What follows the gated convolution in a NAFBlock, one kernel forward and one back.

    y = x + u · attended + bias
    z = y + gate(standardised(y) · widen + bias) · narrow + bias

Nothing between is written forward; back, what the gradients to the matrices multiply is, once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jaxtyping import Array, Float

from cca_jax.ops.gpu.fused.launch import image, launch, rows, tiles_of, whole
from cca_jax.ops.gpu.fused.pieces import (
    Piece,
    add_bias,
    added,
    dot,
    in_turn,
    load,
    pieces_of,
    product,
    product_with_transposed,
    shifted,
    standardized,
    standardized_gradient,
    store,
    widened,
)


class FeedForward(NamedTuple):
    """Its parameters.

    Attributes:
        attended: [B, C, C], a matrix an image.
        attended_bias: [C].
        widen: [C, 2C].
        widen_bias: [2C].
        narrow: [C, C].
        narrow_bias: [C].
    """

    attended: Array
    attended_bias: Array
    widen: Array
    widen_bias: Array
    narrow: Array
    narrow_bias: Array


def feed_forward(
    u: Float[Array, "B P C"], x: Float[Array, "B P C"], params: FeedForward, interpret: bool
) -> Float[Array, "B P C"]:
    """What the block gives: z."""
    channels = x.shape[2]
    parts = pieces_of(channels)

    def feed_forward_of_tile(u: Any, x: Any, *refs: Any) -> None:
        own, out = FeedForward(*refs[:-1]), refs[-1]
        y = _after_attention(u, x, own)
        tile = [part.astype(x.dtype) for part in standardized([widened(part) for part in y])[0]]

        def add(piece: Piece, total: list[Array]) -> list[Array]:
            first, second = _wide(tile, own, piece, channels)
            v = (first * second).astype(x.dtype)
            return [t + dot(v, own.narrow[pl.ds(*piece), pl.ds(*part)]) for t, part in zip(total, parts, strict=True)]

        total = in_turn(channels, add, [widened(part) for part in y])
        for piece, part in zip(parts, total, strict=True):
            store(out, piece, add_bias(part, own.narrow_bias, piece))

    return launch(feed_forward_of_tile, [rows(u), rows(x), *_operands(params, x)], [rows(x)], interpret=interpret)[0]


def feed_forward_backward(
    u: Float[Array, "B P C"],
    x: Float[Array, "B P C"],
    params: FeedForward,
    cotangent: Float[Array, "B P C"],
    interpret: bool,
) -> tuple[Array, Array, FeedForward]:
    """The gradients to u, to x and to the parameters."""
    batch, positions, channels = x.shape
    operands = [rows(u), rows(x), *_operands(params, x), rows(cotangent)]
    wide = rows((batch, positions, 2 * channels), x.dtype)
    sums_of_tiles = rows((batch, tiles_of(positions), 4 * channels), params.narrow.dtype, 1)
    results = [rows(u), rows(x), rows(x), wide, rows(x), sums_of_tiles]
    to_u, to_x, normalized, to_wide, v, sums = launch(_feed_forward_backward, operands, results, interpret=interpret)
    to_widen_bias, to_attended_bias, to_narrow_bias = jnp.split(sums.sum((0, 1)), [2 * channels, 3 * channels])
    gradients = FeedForward(
        lax.dot_general(u, to_x, (((1,), (1,)), ((0,), (0,))), preferred_element_type=params.attended.dtype),
        to_attended_bias,
        over_positions(normalized, to_wide, params.widen),
        to_widen_bias,
        over_positions(v, cotangent, params.narrow),
        to_narrow_bias,
    )
    return to_u, to_x, gradients


def _feed_forward_backward(u: Any, x: Any, *refs: Any) -> None:
    """One tile's gradients to u, x and the biases, and what the gradients to the matrices multiply."""
    channels = x.shape[1]
    parts = pieces_of(channels)
    own = FeedForward(*refs[:6])
    cotangent, to_u, to_x, normalized, to_wide, v, sums = refs[6:]
    tile, inverse = standardized([widened(part) for part in _after_attention(u, x, own)])
    narrow = [part.astype(x.dtype) for part in tile]  # what is kept meanwhile: registers are short here
    to_z = [load(cotangent, piece) for piece in parts]
    for part, piece in zip(narrow, parts, strict=True):
        store(normalized, piece, part)

    def add(piece: Piece, to_tile: list[Array]) -> list[Array]:
        first, second = _wide(narrow, own, piece, channels)
        store(v, piece, first * second)
        to_v = added([product_with_transposed(z, own.narrow, piece, p) for z, p in zip(to_z, parts, strict=True)])
        for columns, to_half in ((piece, to_v * second), (shifted(piece, channels), to_v * first)):
            sums[0, pl.ds(*columns)] = to_half.sum(0).astype(sums.dtype)
            half = to_half.astype(x.dtype)
            store(to_wide, columns, half)
            to_tile = [
                t + product_with_transposed(half, own.widen, part, columns)
                for t, part in zip(to_tile, parts, strict=True)
            ]
        return to_tile

    to_tile = in_turn(channels, add, [jnp.zeros(part.shape, inverse.dtype) for part in narrow])
    to_y = []
    for piece, gradient, z in zip(parts, standardized_gradient(narrow, inverse, to_tile), to_z, strict=True):
        to_part = gradient + widened(z)
        sums[0, pl.ds(*shifted(piece, 2 * channels))] = to_part.sum(0).astype(sums.dtype)
        sums[0, pl.ds(*shifted(piece, 3 * channels))] = widened(z).sum(0).astype(sums.dtype)
        to_y.append(to_part.astype(x.dtype))
        store(to_x, piece, to_y[-1])
    for piece in parts:
        terms = [product_with_transposed(y, own.attended, piece, p) for y, p in zip(to_y, parts, strict=True)]
        store(to_u, piece, added(terms))


def over_positions(x: Float[Array, "B P I"], y: Float[Array, "B P O"], like: Array) -> Float[Array, "I O"]:
    """Σ x yᵀ over all positions, in another array's type."""
    return lax.dot_general(
        x.reshape(-1, x.shape[-1]),
        y.reshape(-1, y.shape[-1]),
        (((0,), (0,)), ((), ())),
        preferred_element_type=like.dtype,
    )


def _operands(params: FeedForward, x: Array) -> list[Any]:
    """The parameters in `FeedForward`'s order, matrices in x's type."""
    attended, attended_bias, widen, widen_bias, narrow, narrow_bias = params
    return [
        image(attended.astype(x.dtype)), whole(attended_bias),
        whole(widen.astype(x.dtype)), whole(widen_bias),
        whole(narrow.astype(x.dtype)), whole(narrow_bias),
    ]  # fmt: skip


def _after_attention(u: Any, x: Any, own: FeedForward) -> list[Array]:
    """What attention adds to x: y, in its type."""
    parts = pieces_of(x.shape[1])
    tile = [load(u, piece) for piece in parts]
    sums = [add_bias(product(tile, own.attended, piece), own.attended_bias, piece) for piece in parts]
    return [(y + widened(load(x, piece))).astype(x.dtype) for y, piece in zip(sums, parts, strict=True)]


def _wide(tile: list[Array], own: FeedForward, piece: Piece, channels: int) -> list[Array]:
    """What the gate multiplies: a piece of either half."""
    both = (piece, shifted(piece, channels))
    return [add_bias(product(tile, own.widen, columns), own.widen_bias, columns) for columns in both]
