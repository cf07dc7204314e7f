"""Rearrangements of a plane's positions, in the form that each platform's compiler handles well."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from cca_jax.ops import platform


def space_to_depth(x: Float[Array, "B H W C"]) -> Float[Array, "B H/2 W/2 4*C"]:
    """Every 2×2 block becomes one position with 4·C channels, in the order (row, column, channel)."""
    batch, height, width, channels = x.shape
    blocks = x.reshape(batch, height // 2, 2, width // 2, 2, channels).transpose(0, 1, 3, 2, 4, 5)
    return blocks.reshape(batch, height // 2, width // 2, 4 * channels)


def depth_to_space(x: Float[Array, "B H W C"]) -> Float[Array, "B 2*H 2*W C/4"]:
    """The inverse of `space_to_depth`."""
    batch, height, width, channels = x.shape
    blocks = x.reshape(batch, height, width, 2, 2, channels // 4).transpose(0, 1, 3, 2, 4, 5)
    return blocks.reshape(batch, 2 * height, 2 * width, channels // 4)


def pad_once(x: Float[Array, "B H W C"], rows: int, columns: int) -> Float[Array, "B h w C"]:
    """Zeros around height and width, for an array of which several shifted views are taken."""
    if not platform.on_cpu():
        return jnp.pad(x, ((0, 0), (rows, rows), (columns, columns), (0, 0)))
    # XLA unrolls a padding of its own on the CPU: a small one takes up to a second to compile. Concatenations copy.
    for axis, width in ((1, rows), (2, columns)):
        zeros = jnp.zeros((*x.shape[:axis], width, *x.shape[axis + 1 :]), x.dtype)
        x = jnp.concatenate([zeros, x, zeros], axis) if width else x
    # Without the barrier XLA fuses whatever made x into each of the views, and such fusions inside fusions take
    # minutes to compile.
    return lax.optimization_barrier(x)
