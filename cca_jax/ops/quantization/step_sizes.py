"""Quantisation in steps of a chosen size, and what lies between the sizes that were learned.

A value is coded as its distance from a predicted mean, in steps. Without a step size (None) a step is 1, and nothing
is multiplied.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float


def to_steps(
    x: Float[Array, "B h w m"], mean: Float[Array, "B h w m"], step_size: Float[Array, "B 1 1 m"] | None
) -> Float[Array, "B h w m"]:
    """The distance of x from the mean in steps, not rounded."""
    return x - mean if step_size is None else (x - mean) / step_size


def from_steps(
    steps: Float[Array, "B h w m"], mean: Float[Array, "B h w m"], step_size: Float[Array, "B 1 1 m"] | None
) -> Float[Array, "B h w m"]:
    """The inverse of `to_steps`.

    Of steps that were rounded straight through, the gradient to x is 1, to the mean 0, and to the step size the
    rounding error itself.
    """
    return steps + mean if step_size is None else step_size * steps + mean


def interpolate_rows(table: Float[Array, "K C"], index: Float[Array, " B"]) -> Float[Array, "B C"]:
    """Linear interpolation between rows: index k is row k; indexes from 0 to K - 1."""
    # A sum of products, not a matrix product, which may multiply in fewer bits.
    distance = jnp.abs(index[:, None] - jnp.arange(table.shape[0], dtype=table.dtype)[None])
    return (jnp.maximum(1 - distance, 0)[:, :, None] * table[None]).sum(1)
