"""Planes worked through in strips of rows, so that what a block computes on its way stays in the processor's cache.

For coding on the CPU, where no gradient is taken: whole planes of intermediate results would each go through memory,
and its pages be handed out anew, for every operation (docs/evaluation/performance.md).
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

_STRIP_POSITIONS = 1024
_LEAST_POSITIONS = 4096  # below, a plane is in the cache anyhow


def rows_in_strip(height: int, width: int) -> int | None:
    """Rows of a strip, a power of two that divides the height; None where strips do not pay."""
    if height * width < _LEAST_POSITIONS:
        return None
    rows = 1
    while height % (2 * rows) == 0 and 2 * rows * width <= _STRIP_POSITIONS:
        rows *= 2
    return rows


def map_strips(function: Callable[..., Array], rows: int, x: Float[Array, "B H W C"], *others: Array) -> Array:
    """Strip by strip `function(strip, *strips of the others)`, which must have the strip's shape; [B, H, W, C]."""

    def turn(index: Array, result: Array) -> Array:
        strips = [lax.dynamic_slice_in_dim(plane, index * rows, rows, axis=1) for plane in (result, *others)]
        return lax.dynamic_update_slice_in_dim(result, function(*strips), index * rows, axis=1)

    return lax.fori_loop(0, x.shape[1] // rows, turn, x)


def sum_dtype(x: Array) -> jnp.dtype:
    """What sums over strips of a plane are held in: float32 at least, since in bfloat16 hundreds would not add up."""
    return jnp.promote_types(x.dtype, jnp.float32)


def map_windows(
    prepare: Callable[[Array, Array], Array],
    finish: Callable[[Array, Array, Array], tuple[Array, Array]],
    rows: int,
    x: Float[Array, "B H W C"],
) -> tuple[Float[Array, "B H W C"], Float[Array, "B C"]]:
    """What a position-wise function and then one that looks a row up and a row down make of a plane.

    Args:
        prepare: (strip of x, number of its first row) to [B, r, W, D]; rows below the plane must come out as 0.
        finish: (prepared rows with one more above and below [B, rows + 2, W, D], the strip of x itself, number of its
            first row) to the strip's result [B, rows, W, C], and numbers [B, C] of `sum_dtype` to be added up over the
            strips.
        rows: of a strip; they divide H.
        x: the plane.

    Returns:
        The result, and the sums [B, C].
    """
    count = x.shape[1] // rows
    first = prepare(x[:, :1], jnp.int32(0))
    before = jnp.concatenate([jnp.zeros_like(first), first], axis=1)

    def window_of(index: Array, above: Array) -> Array:
        """The rows above, which an earlier turn prepared, and those up to one below the strip."""
        start = index * rows + 1
        # The last strip would end one row below the plane: the slice is moved up by one, and its first row is known.
        strip = lax.dynamic_slice_in_dim(x, start, rows, axis=1)
        strip = jnp.where(index == count - 1, jnp.roll(strip, -1, axis=1), strip)
        return jnp.concatenate([above, prepare(strip, start)], axis=1)

    def turn(index: Array, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        result, above, sums = state
        window = window_of(index, above)
        strip, numbers = finish(window, lax.dynamic_slice_in_dim(x, index * rows, rows, axis=1), index * rows)
        result = lax.dynamic_update_slice_in_dim(result, strip, index * rows, axis=1)
        return result, window[:, rows:], sums + numbers

    sums = jnp.zeros(x.shape[::3], sum_dtype(x))  # channels are x's, as those of the result are
    result, _, sums = lax.fori_loop(0, count, turn, (jnp.zeros_like(x), before, sums))
    return result, sums
