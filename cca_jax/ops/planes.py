"""Rearrangements of a plane's positions."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.ops import platform
from cca_jax.ops.cpu.padding import pad_by_copies


def depth_to_space(x: Float[Array, "B H W C"]) -> Float[Array, "B 2*H 2*W C/4"]:
    """Every position becomes a 2×2 block; 4·C channels are taken in the order (row, column, channel)."""
    batch, height, width, channels = x.shape
    blocks = x.reshape(batch, height, width, 2, 2, channels // 4).transpose(0, 1, 3, 2, 4, 5)
    return blocks.reshape(batch, 2 * height, 2 * width, channels // 4)


def pad_once(x: Float[Array, "B H W C"], rows: int, columns: int) -> Float[Array, "B h w C"]:
    """Zeros around height and width, for an array of which several shifted views are taken."""
    if platform.on_cpu():
        return pad_by_copies(x, rows, columns)
    return jnp.pad(x, ((0, 0), (rows, rows), (columns, columns), (0, 0)))
