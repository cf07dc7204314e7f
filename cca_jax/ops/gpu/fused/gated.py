"""A depthwise 3×3 convolution and the gate behind it, and both ways back to the convolution's sums: one kernel each."""

from __future__ import annotations

import math
from typing import Any

from jax.experimental import pallas as pl
from jaxtyping import Array, Float

from cca_jax.ops.gpu.fused.launch import image, launch, whole
from cca_jax.ops.gpu.fused.pieces import Piece, add_bias, shifted, widened
from cca_jax.ops.gpu.fused.squares import Plane, Square
from cca_jax.ops.gpu.gated import TAPS

_SIDE, _CHANNELS = 16, 32
"""A kernel holds half a dozen arrays of this size; larger squares write fewer sums. Every piece of the channels is a
step of its own: unrolled, they would compile for half a minute."""
_SUMS = len(TAPS) + 1
"""Of a square on the way back: for each tap, and for the bias."""


def gated(
    x: Float[Array, "B P E"], taps: Float[Array, "3 3 E"], bias: Float[Array, " E"], plane: Plane, interpret: bool
) -> tuple[Float[Array, "B P E//2"], Float[Array, "B E//2"]]:
    """The product of the two halves of what the convolution makes of the channels, and its mean over the plane."""
    batch, positions, channels = x.shape
    squares, steps = plane.squares(_SIDE), _steps(plane, channels)

    def gated_convolution(x: Any, taps: Any, bias: Any, out: Any, sums: Any) -> None:
        number, square, piece = _place(plane, channels)
        first, second = _convolved(square, x, taps, bias, piece)
        product = (first * second).astype(out.dtype)
        square.store(out, piece, product)
        sums[number, pl.ds(*piece)] = widened(product).sum(0).astype(sums.dtype)

    half = (batch, positions, channels // 2)
    results = [image(half, x.dtype), image((batch, squares, channels // 2), taps.dtype)]
    out, sums = launch(
        gated_convolution,
        [image(x), whole(taps), whole(bias)],
        results,
        steps=steps,
        interpret=interpret,
    )
    return out, sums.sum(1) / positions


def gated_backward(
    x: Float[Array, "B P E"],
    taps: Float[Array, "3 3 E"],
    bias: Float[Array, " E"],
    cotangent: Float[Array, "B P E//2"],
    to_mean: Float[Array, "B E//2"],
    plane: Plane,
    interpret: bool,
) -> tuple[Float[Array, "B P E"], Float[Array, "3 3 E"], Float[Array, " E"]]:
    """The gradients to the convolution's sums, to its kernel and to its bias.

    Args:
        x: as in `gated`, and so are taps, bias, plane and interpret.
        taps: kernel.
        bias: of the convolution.
        cotangent: gradient to the product.
        to_mean: gradient to its mean.
        plane: sides of the P positions.
        interpret: whether the kernel is interpreted.
    """
    batch, positions, channels = x.shape
    squares, steps = plane.squares(_SIDE), _steps(plane, channels)

    def gated_convolution_backward(*refs: Any) -> None:
        x, taps, bias, cotangent, to_each, to_sums, sums = refs
        number, square, piece = _place(plane, channels)
        first, second = _convolved(square, x, taps, bias, piece)
        wide = widened(square.load(cotangent, piece)) + to_each[0, pl.ds(*piece)][None]
        for own, gradient in ((piece, wide * second), (shifted(piece, channels // 2), wide * first)):
            narrow = gradient.astype(to_sums.dtype)
            square.store(to_sums, own, narrow)
            terms = widened(narrow)
            for index, tap in enumerate(TAPS):
                seen = widened(square.tap(x, own, tap))
                sums[number * _SUMS + index, pl.ds(*own)] = (seen * terms).sum(0).astype(sums.dtype)
            sums[number * _SUMS + len(TAPS), pl.ds(*own)] = terms.sum(0).astype(sums.dtype)

    operands = [image(x), whole(taps), whole(bias), image(cotangent), image(to_mean[:, None] / positions)]
    results = [image(x), image((batch, squares * _SUMS, channels), taps.dtype)]
    to_sums, sums = launch(
        gated_convolution_backward,
        operands,
        results,
        steps=steps,
        interpret=interpret,
    )
    totals = sums.reshape(-1, _SUMS, channels).sum(0)
    return to_sums, totals[:-1].reshape(taps.shape), totals[-1]


def _steps(plane: Plane, channels: int) -> int:
    return plane.squares(_SIDE) * (channels // 2 // math.gcd(channels // 2, _CHANNELS))


def _place(plane: Plane, channels: int) -> tuple[Array, Square, Piece]:
    """Number of the square, the square, and the piece of the first half of the channels, that this step is for."""
    squares, width = plane.squares(_SIDE), math.gcd(channels // 2, _CHANNELS)
    step = pl.program_id(1)
    number = step % squares
    return number, Square.number(number, plane, _SIDE), (step // squares * width, width)


def _convolved(square: Square, x: Any, taps: Any, bias: Any, piece: Piece) -> list[Array]:
    """Both halves' sums."""
    both = (piece, shifted(piece, x.shape[-1] // 2))
    return [add_bias(square.convolution(x, taps, own), bias, own) for own in both]
