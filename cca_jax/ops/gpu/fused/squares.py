"""Small squares of a plane [rows · columns, channels], and what a 3×3 convolution's taps meet at their positions."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jaxtyping import Array

from cca_jax.ops.gpu.fused.pieces import Piece, added, widened
from cca_jax.ops.gpu.gated import TAPS


class Plane(NamedTuple):
    """Sides of a plane in positions."""

    height: int
    width: int

    @property
    def positions(self) -> int:
        """How many it has."""
        return self.height * self.width

    def square(self, side: int) -> Plane:
        """Sides of its squares, each at most `side`, a power of two, and what divides the plane's."""
        return Plane(math.gcd(self.height, side), math.gcd(self.width, side))

    def squares(self, side: int) -> int:
        """How many of them make the plane."""
        return self.positions // self.square(side).positions


class Square(NamedTuple):
    """Positions of one square of a plane."""

    plane: Plane
    rows: Array
    columns: Array

    @classmethod
    def number(cls, index: Array | int, plane: Plane, side: int) -> Square:
        """The index-th of a plane's squares, one row of squares after the other."""
        height, width = plane.square(side)
        place = jnp.arange(height * width, dtype=jnp.int32)
        across = plane.width // width
        return cls(plane, index // across * height + place // width, index % across * width + place % width)

    def load(self, ref: Any, piece: Piece) -> Array:
        """A piece of the channels at these positions of a plane [positions, channels]."""
        return ref[self.rows * self.plane.width + self.columns, pl.ds(*piece)]

    def store(self, ref: Any, piece: Piece, x: Array) -> None:
        """The same for writing, in the type of what is written to."""
        ref[self.rows * self.plane.width + self.columns, pl.ds(*piece)] = x.astype(ref.dtype)

    def tap(self, ref: Any, piece: Piece, tap: tuple[int, int]) -> Array:
        """What a tap meets there; zeros outside of the plane."""
        rows, columns = self.rows + (tap[0] - 1), self.columns + (tap[1] - 1)
        height, width = self.plane
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        place = lax.clamp(0, rows, height - 1) * width + lax.clamp(0, columns, width - 1)
        x = ref[place, pl.ds(*piece)]
        return jnp.where(inside[:, None], x, jnp.zeros_like(x))

    def convolution(self, ref: Any, taps: Any, piece: Piece, transposed: bool = False) -> Array:
        """The depthwise convolution by taps [3, 3, channels], or its transpose, at these positions."""
        weights = [taps[row, column, pl.ds(*piece)][None] for row, column in TAPS]
        seen = TAPS[::-1] if transposed else TAPS
        return added([widened(self.tap(ref, piece, tap)) * own for tap, own in zip(seen, weights, strict=True)])
