"""How the kernels of this room are started: on a grid of images and of parts of an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton
from jaxtyping import Array

_ROWS, _ROWS_OF_WARP = 64, 8
_CompilerParams = getattr(triton, "CompilerParams", None) or triton.TritonCompilerParams  # before JAX 0.7


class Operand(NamedTuple):
    """An array that a kernel reads or writes, and which part of it at place (image, step) of the grid.

    Attributes:
        array: what is read; for what is written its shape and type.
        block: the part's shape.
        place: where the part begins, in blocks.
    """

    array: Any
    block: tuple[int | None, ...]
    place: Callable[[Any, Any], tuple[Any, ...]]

    @property
    def spec(self) -> pl.BlockSpec:
        """As Pallas wants to know it."""
        return pl.BlockSpec(self.block, self.place)


def tiles_of(positions: int) -> int:
    """In how many parts `rows` cuts an image."""
    return positions // math.gcd(positions, _ROWS)


def rows(array: Any, dtype: Any = None, count: int | None = None) -> Operand:
    """So many positions of an image, one part a step."""
    of = _of(array, dtype)
    return Operand(
        of, (None, count or math.gcd(of.shape[1], _ROWS), of.shape[2]), lambda number, step: (number, step, 0)
    )


def image(array: Any, dtype: Any = None) -> Operand:
    """A whole image."""
    of = _of(array, dtype)
    return Operand(of, (None, *of.shape[1:]), lambda number, step: (number, 0, 0))


def whole(array: Array) -> Operand:
    """All of it, everywhere."""
    return Operand(array, array.shape, lambda number, step: (0,) * array.ndim)


def _of(array: Any, dtype: Any) -> Any:
    return jax.ShapeDtypeStruct(array, dtype) if isinstance(array, tuple) else array


def launch(
    kernel: Callable[..., None],
    operands: Sequence[Operand],
    results: Sequence[Operand],
    *,
    steps: int | None = None,
    interpret: bool,
) -> list[Array]:
    """Runs a kernel once for every image and step.

    Args:
        kernel: takes references to operands and results.
        operands: what it reads.
        results: what it writes.
        steps: of an image; by default the number of `rows`' parts.
        interpret: whether it is interpreted, as on a CPU.
    """
    images, positions = operands[0].array.shape[:2]
    parts = tiles_of(positions)
    call = pl.pallas_call(
        kernel,
        name=kernel.__name__.strip("_"),
        grid=(images, steps or parts),
        in_specs=[operand.spec for operand in operands],
        out_specs=[result.spec for result in results],
        out_shape=[jax.ShapeDtypeStruct(result.array.shape, result.array.dtype) for result in results],
        compiler_params=_CompilerParams(num_warps=max(1, positions // parts // _ROWS_OF_WARP), num_stages=1),
        interpret=interpret,
    )
    return call(*(operand.array for operand in operands))
