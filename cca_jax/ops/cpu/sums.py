"""Sums as matrix products: XLA's own reductions take six to ten times as long on the CPU."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

MANY_ROWS = 2048
"""From here on a product is the faster way to add up rows."""


def sum_of_rows(rows: Float[Array, "P C"]) -> Float[Array, " C"]:
    """`rows.sum(0)`."""
    return jnp.ones(len(rows), rows.dtype) @ rows


def weighted_sum(x: Float[Array, "B H W C"], weights: Float[Array, " C"]) -> Float[Array, "B H W 1"]:
    """Σ weights · x over the channels."""
    return (x.reshape(-1, x.shape[-1]) @ weights).reshape(*x.shape[:-1], 1)
