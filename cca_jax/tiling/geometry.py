"""The geometry of tiles: how an image that is too large to be computed at once is cut (docs/file/format.md).

Everything is counted in units of 64 pixels, the stride of the hyper-latent. A grid divides an image's padded area into
rows and columns of tiles; all have the sides that the file states, but those of the last row and column may be smaller.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

UNIT = 64
"""Pixels."""
HALO = 1
"""Width of the margin of its neighbours that the transforms of a tile see, in units, on every side."""
LARGEST_AREA = 768
"""Units of the largest area that is not cut, such as 2048×1536 pixels. The images of the usual test sets stay whole.
The released model takes 4.4 GB for such an area, and less for a larger one in tiles."""
LONGEST_SIDE = 14
"""Units of a tile's longest side by default: with its halo it has 1024 pixels, which is a bucket."""
MAX_SIDE = 255
"""Units of a tile's side that a file can state."""
MAX_TILES = 1 << 16


class Box(NamedTuple):
    """A rectangle of units: rows top … bottom - 1, columns left … right - 1."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    def crop(self, scale: int) -> tuple[slice, slice]:
        """The rows and columns it takes in an array of `scale` positions a unit."""
        return slice(self.top * scale, self.bottom * scale), slice(self.left * scale, self.right * scale)

    def within(self, outer: Box) -> Box:
        """The same rectangle, counted from the corner of another."""
        return Box(self.top - outer.top, self.left - outer.left, self.bottom - outer.top, self.right - outer.left)


@dataclasses.dataclass(frozen=True)
class Grid:
    """Tiles over an area; tiles are numbered row by row.

    Attributes:
        area: height and width of the padded image in units.
        tile: height and width of a tile in units, at least 1 and at most the area's.
    """

    area: tuple[int, int]
    tile: tuple[int, int]

    @classmethod
    def whole(cls, height: int, width: int) -> Grid:
        """An image of that many pixels in one tile."""
        area = area_of(height, width)
        return cls(area, area)

    @classmethod
    def divide(cls, height: int, width: int, longest_side: int | None = None) -> Grid:
        """The grid to code an image with.

        Args:
            height: pixels.
            width: pixels.
            longest_side: what a tile's sides must not exceed, in pixels; the least that counts is one unit. None cuts
                only what is large, into tiles of a common size.
        """
        area = area_of(height, width)
        if longest_side is None and area[0] * area[1] <= LARGEST_AREA:
            return cls(area, area)
        longest = LONGEST_SIDE if longest_side is None else min(max(1, longest_side // UNIT), MAX_SIDE)
        # Evenly: no sliver is left for the last row and column.
        return cls(area, (_even_part(area[0], longest), _even_part(area[1], longest)))

    @property
    def rows(self) -> int:
        """Rows of tiles."""
        return -(-self.area[0] // self.tile[0])

    @property
    def columns(self) -> int:
        """Columns of tiles."""
        return -(-self.area[1] // self.tile[1])

    @property
    def count(self) -> int:
        """Tiles."""
        return self.rows * self.columns

    @property
    def widest(self) -> tuple[int, int]:
        """Height and width in units that no tile with its halo exceeds."""
        height, width = (min(tile + 2 * HALO, area) for tile, area in zip(self.tile, self.area, strict=True))
        return height, width

    def row(self, index: int) -> list[Box]:
        """The tiles of a row, from left to right."""
        (height, width), (bottom, right) = self.tile, self.area
        top = index * height
        return [Box(top, left, min(top + height, bottom), min(left + width, right)) for left in range(0, right, width)]

    def tiles(self) -> Iterator[Box]:
        """All tiles in their order."""
        for index in range(self.rows):
            yield from self.row(index)

    def around(self, box: Box) -> Box:
        """A tile with its halo, which ends where the area does."""
        (top, left, bottom, right), (height, width) = box, self.area
        return Box(max(top - HALO, 0), max(left - HALO, 0), min(bottom + HALO, height), min(right + HALO, width))


def area_of(height: int, width: int) -> tuple[int, int]:
    """Height and width in units of an image of that many pixels."""
    return -(-height // UNIT), -(-width // UNIT)


def _even_part(side: int, longest: int) -> int:
    """The part that divides a side into as few equal parts of at most that length as it takes."""
    return -(-side // -(-side // longest))
