"""How much larger or smaller a coded symbol is than its table said, in integers.

What a decoded symbol tells of the scales that follow is not its size but what its size adds to what was expected:
of a Laplacian whose table is known, the logarithm of the magnitude carries nearly all there is to know of an error of
the table. So the integer network reads that difference: the magnitude on a scale of half octaves, less its
expectation under the table, in quarters. It is about 0 on average at every rate, and 0 means that nothing is to be
corrected.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

LARGEST_SURPRISE = 60
"""Bound: 15 half octaves in quarters."""
SURPRISE_BITS = 2
"""Of a surprise's fraction: it counts quarters."""

LEVELS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192)
"""A magnitude's level is how many of these it reaches."""

# fmt: off
EXPECTED = (
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1,
    1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9,
    9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 25, 26,
    27, 28, 30, 31, 32, 34, 35, 36, 38, 39, 40, 42, 43, 44, 45, 46,
)
# fmt: on
"""Of each table 0 … 63, the expected level of a Laplacian's symbols in quarters, rounded: written out, because
exponentials differ by machine. Tables of Gaussians, whose tails are shorter, expect about as much."""

_PER_OCTAVE = 2 / 0.6931471805599453


@jax.custom_jvp
def level(symbols: Float[Array, "..."]) -> Float[Array, "..."]:
    """0 … 15 of integers; the gradient is that of the smooth curve through the levels, 0 where a symbol is 0."""
    reached = [(jnp.abs(symbols) >= bound).astype(symbols.dtype) for bound in LEVELS]
    return sum(reached, jnp.zeros_like(symbols))


@level.defjvp
def _level_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (symbols,), (tangent,) = primals, tangents
    slope = jnp.minimum(1.0, _PER_OCTAVE / jnp.maximum(jnp.abs(symbols), 1.0)) * (jnp.abs(symbols) < LEVELS[-1])
    return level(symbols), jnp.sign(symbols) * slope * tangent


def surprise(symbols: Float[Array, "*axes"], indexes: Float[Array, "*axes"]) -> Float[Array, "*axes"]:
    """Levels of symbols less what their tables expect, in quarters.

    Args:
        symbols: integers; rounded straight through, they get a gradient.
        indexes: 0 … 63, the tables they were coded with; taken as given, without a gradient.

    Returns:
        Integers within ± `LARGEST_SURPRISE`.
    """
    expected = jnp.asarray(EXPECTED, symbols.dtype)[jax.lax.stop_gradient(indexes).astype(jnp.int32)]
    return level(symbols) * 2**SURPRISE_BITS - expected
