"""Channels in pieces: Triton's arrays have powers of two of elements, and the channels of a plane need not be one.

So 224 channels are three pieces of 64 and one of 32. What is said here runs inside kernels, on one tile of positions:
a list of arrays [positions, channels of a piece].
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jaxtyping import Array

from cca_jax.ops.layers.normalization import EPSILON

_LARGEST = 64

Piece = tuple[Any, int]
"""First channel, which a loop may count, and number of channels."""


def pieces_of(channels: int, size: int = _LARGEST) -> list[Piece]:
    """A plane's channels in pieces of at most `size`, a power of two; the large ones come first."""
    found, start = [], 0
    while start < channels:
        while size > channels - start:
            size //= 2
        found.append((start, size))
        start += size
    return found


def in_turn(channels: int, step: Callable[[Piece, list[Array]], list[Array]], carry: list[Array]) -> list[Array]:
    """Goes through channels in equal pieces, as a loop: unrolled, a kernel loads more than it has registers for."""
    width = math.gcd(channels, _LARGEST)
    return lax.fori_loop(0, channels // width, lambda index, carry: step((index * width, width), carry), carry)


def shifted(piece: Piece, by: int) -> Piece:
    """The same piece of what begins `by` channels later."""
    return piece[0] + by, piece[1]


def load(ref: Any, piece: Piece) -> Array:
    """A piece of a tile [positions, channels]."""
    return ref[:, pl.ds(*piece)]


def store(ref: Any, piece: Piece, x: Array) -> None:
    """The same for writing, in the type of what is written to."""
    ref[:, pl.ds(*piece)] = x.astype(ref.dtype)


def added(terms: list[Array]) -> Array:
    """Their sum, from first to last."""
    return functools.reduce(operator.add, terms)


def product(tile: list[Array], matrix: Any, columns: Piece) -> Array:
    """Columns of the tile times a matrix [channels, …], added up in float32 at least."""
    rows = pieces_of(sum(x.shape[1] for x in tile))
    return added([dot(x, matrix[pl.ds(*own), pl.ds(*columns)]) for x, own in zip(tile, rows, strict=True)])


def product_with_transposed(x: Array, matrix: Any, rows: Piece, columns: Piece) -> Array:
    """The piece x times the transpose of a matrix's rows and columns."""
    return dot(x, matrix[pl.ds(*rows), pl.ds(*columns)].T)


def dot(x: Array, y: Array) -> Array:
    """Their product, added up in float32 at least."""
    return jnp.dot(x, y, preferred_element_type=jnp.promote_types(x.dtype, jnp.float32))


def add_bias(x: Array, bias: Any, piece: Piece) -> Array:
    """One number a channel plus x."""
    return x + bias[pl.ds(*piece)].astype(x.dtype)[None]


def widened(x: Array) -> Array:
    """In float32 at least."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def standardized(tile: list[Array]) -> tuple[list[Array], Array]:
    """Every position standardised over its channels; and the inverse of its deviation, [positions, 1]."""
    count = sum(x.shape[1] for x in tile)
    mean = _total(tile) / count
    centered = [x - mean for x in tile]
    inverse = lax.rsqrt(_total([x * x for x in centered]) / count + EPSILON)
    return [x * inverse for x in centered], inverse


def standardized_gradient(normalized: list[Array], inverse: Array, cotangents: list[Array]) -> list[Array]:
    """The gradient to what was standardised."""
    count = sum(x.shape[1] for x in normalized)
    normalized = [widened(x) for x in normalized]
    mean = _total(cotangents) / count
    along = _total([c * x for c, x in zip(cotangents, normalized, strict=True)]) / count
    return [(c - mean - x * along) * inverse for c, x in zip(cotangents, normalized, strict=True)]


def _total(tile: list[Array]) -> Array:
    return added([x.sum(1, keepdims=True) for x in tile])
