"""Pictures in tiles: their rectangles in units of 64 pixels, and how the decoded tiles fade into each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from examples.exported_decoder.container import UNIT

_FADE = 16  # pixels on either side of a seam


class Box(NamedTuple):
    """Rows top … bottom - 1, columns left … right - 1."""

    top: int
    left: int
    bottom: int
    right: int

    def crop(self, scale: int) -> tuple[slice, slice]:
        """Rows and columns of an array of `scale` positions a unit."""
        return slice(self.top * scale, self.bottom * scale), slice(self.left * scale, self.right * scale)

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left


def boxes(area: tuple[int, int], tile: tuple[int, int]) -> Iterator[Box]:
    """The tiles, row by row."""
    for top in range(0, area[0], tile[0]):
        for left in range(0, area[1], tile[1]):
            yield Box(top, left, min(top + tile[0], area[0]), min(left + tile[1], area[1]))


def around(box: Box, area: tuple[int, int]) -> Box:
    """A tile with the unit around it that its synthesis sees."""
    return Box(max(box.top - 1, 0), max(box.left - 1, 0), min(box.bottom + 1, area[0]), min(box.right + 1, area[1]))


def add(picture: np.ndarray, plane: np.ndarray, box: Box, area: tuple[int, int]) -> None:
    """Adds a tile's synthesis, with what is around it, to the picture of the whole area, with its weights."""
    outer = around(box, area)
    spans = ((box.top, box.bottom, area[0]), (box.left, box.right, area[1]))
    reaches = [
        slice(first * UNIT - _FADE * (first > 0), last * UNIT + _FADE * (last < end)) for first, last, end in spans
    ]
    corner = (outer.top * UNIT, outer.left * UNIT)
    within = tuple(slice(s.start - c, s.stop - c) for s, c in zip(reaches, corner, strict=True))
    rows, columns = (_weights(*span) for span in spans)
    picture[tuple(reaches)] += plane[within] * rows[:, None, None] * columns[None, :, None]


def _weights(first: int, last: int, end: int) -> np.ndarray:
    """1, and towards a neighbour along a line to 0."""
    weights = np.ones((last - first) * UNIT + _FADE * ((first > 0) + (last < end)), np.float32)
    ramp = (np.arange(2 * _FADE, dtype=np.float32) + 0.5) / (2 * _FADE)
    if first:
        weights[: 2 * _FADE] = ramp
    if last < end:
        weights[-2 * _FADE :] = 1 - ramp
    return weights
