"""A layer norm and the 1×1 convolution behind it, and what follows on the way back: one kernel each.

The way back begins at the gradient to a gated convolution's sums (`gated`): the 3×3 convolution that leads it to this
convolution's result is made where that is read, and the result is written once, for the gradient to the matrix.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax.experimental import pallas as pl
from jaxtyping import Array, Float

from cca_jax.ops.gpu.fused.launch import image, launch, rows, whole
from cca_jax.ops.gpu.fused.pieces import (
    Piece,
    add_bias,
    in_turn,
    load,
    pieces_of,
    product,
    product_with_transposed,
    standardized,
    standardized_gradient,
    store,
    widened,
)
from cca_jax.ops.gpu.fused.squares import Plane, Square

_SIDE = 8


def expand(
    x: Float[Array, "B P C"], matrix: Float[Array, "C E"], bias: Float[Array, " E"], interpret: bool
) -> Float[Array, "B P E"]:
    """Standardised x times a matrix, with bias."""
    wide = (*x.shape[:2], matrix.shape[1])

    def expansion(x: Any, matrix: Any, bias: Any, out: Any) -> None:
        tile, _ = standardized([widened(load(x, piece)) for piece in pieces_of(x.shape[1])])
        narrow = [part.astype(out.dtype) for part in tile]
        for piece in pieces_of(out.shape[1]):
            store(out, piece, add_bias(product(narrow, matrix, piece), bias, piece))

    return launch(
        expansion, [rows(x), whole(matrix.astype(x.dtype)), whole(bias)], [rows(wide, x.dtype)], interpret=interpret
    )[0]


def expand_backward(
    x: Float[Array, "B P C"],
    to_result: Float[Array, "B P C"],
    to_sums: Float[Array, "B P E"],
    matrix: Float[Array, "C E"],
    taps: Float[Array, "3 3 E"],
    plane: Plane,
    interpret: bool,
) -> tuple[Array, Array, Array, Array]:
    """From the gradient to a depthwise convolution's sums to x.

    Args:
        x: as in `expand`.
        to_result: a gradient to x that comes another way, and is added.
        to_sums: gradient to the sums of the convolution.
        matrix: of `expand`.
        taps: of the depthwise convolution.
        plane: sides of the P positions.
        interpret: whether the kernel is interpreted.

    Returns:
        The gradient to x, the standardised x, the gradient to `expand`'s result, [B, P, E], and its sum, [E].
    """
    squares = plane.squares(_SIDE)

    def expansion_backward(*refs: Any) -> None:
        x, to_result, to_sums, matrix, taps, to_x, normalized, to_wide, sums = refs
        square = Square.number(pl.program_id(1), plane, _SIDE)
        parts = pieces_of(x.shape[1])
        tile, inverse = standardized([widened(square.load(x, piece)) for piece in parts])
        tile = [part.astype(x.dtype) for part in tile]  # registers are short here

        def add(piece: Piece, to_tile: list[Array]) -> list[Array]:
            wide = square.convolution(to_sums, taps, piece, transposed=True)
            sums[0, pl.ds(*piece)] = wide.sum(0).astype(sums.dtype)
            narrow = wide.astype(to_wide.dtype)
            square.store(to_wide, piece, narrow)
            return [
                total + product_with_transposed(narrow, matrix, part, piece)
                for total, part in zip(to_tile, parts, strict=True)
            ]

        zeros = [jnp.zeros(part.shape, inverse.dtype) for part in tile]
        to_tile = in_turn(to_wide.shape[1], add, zeros)
        gradient = standardized_gradient(tile, inverse, to_tile)
        for piece, part, own in zip(parts, gradient, tile, strict=True):
            square.store(to_x, piece, part + widened(square.load(to_result, piece)))
            square.store(normalized, piece, own)

    operands = [image(x), image(to_result), image(to_sums), whole(matrix.astype(x.dtype)), whole(taps)]
    results = [image(x), image(x), image(to_sums), rows((x.shape[0], squares, matrix.shape[1]), taps.dtype, 1)]
    to_x, normalized, to_wide, sums = launch(
        expansion_backward,
        operands,
        results,
        steps=squares,
        interpret=interpret,
    )
    return to_x, normalized, to_wide, sums.sum((0, 1))
