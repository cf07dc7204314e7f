"""Joins tiles: neighbours overlap in a narrow band around their seam, where one fades into the other.

The synthesis of a tile sees its neighbours' latent, but its channel attention averages over the tile alone; so two
tiles differ a little where they meet. Fading turns a step, which the eye would find, into a slope, which it does not.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, UInt8, UInt16

from cca_jax.tiling.geometry import UNIT, Box, Grid

FADE = 16
"""Pixels on either side of a seam, within the halo."""


def blend(
    grid: Grid,
    height: int,
    width: int,
    planes: Iterable[Float[np.ndarray, "H W 3"]],
    dtype: np.dtype | type = np.uint8,
) -> UInt8[np.ndarray, "height width 3"] | UInt16[np.ndarray, "height width 3"]:
    """The image of its tiles.

    Args:
        grid: of the image.
        height: pixels of the image.
        width: pixels of the image.
        planes: the synthesis of each tile with its halo, not clamped, in the order of the tiles. They are taken one by
            one, and no more than a row of tiles is held in floats.
        dtype: of the image, uint8 or uint16, all of whose range is used.
    """
    image = np.empty((height, width, 3), dtype)
    parts = iter(planes)
    overlap = np.zeros((0, grid.area[1] * UNIT, 3), np.float32)  # what the row above has put below the last row written
    for row in range(grid.rows):
        boxes = grid.row(row)
        rows, _ = _reach(boxes[0], grid)
        strip = np.zeros((rows.stop - rows.start, *overlap.shape[1:]), np.float32)
        strip[: len(overlap)] = overlap
        for box in boxes:
            _add(strip, rows.start, box, grid, next(parts))
        finished = len(strip) if row == grid.rows - 1 else len(strip) - 2 * FADE
        pixels = strip[: min(finished, height - rows.start), :width]
        np.clip(pixels, 0, 1, out=pixels)  # in place: a row of tiles may be most of an image
        pixels *= np.iinfo(dtype).max
        image[rows.start : rows.start + finished] = np.rint(pixels, out=pixels)
        overlap = strip[finished:]
    return image


def _add(strip: np.ndarray, first_row: int, box: Box, grid: Grid, plane: np.ndarray) -> None:
    """Adds a tile, weighted, to the strip of its row, which begins at that row of pixels."""
    (rows, columns), around = _reach(box, grid), grid.around(box)
    top, left = rows.start - around.top * UNIT, columns.start - around.left * UNIT
    weighted = plane[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start].copy()
    weighted *= _weights(box.top, box.bottom, grid.area[0])[:, None, None]
    weighted *= _weights(box.left, box.right, grid.area[1])[None, :, None]
    strip[rows.start - first_row : rows.stop - first_row, columns] += weighted


def _reach(box: Box, grid: Grid) -> tuple[slice, slice]:
    """The rows and columns of pixels in which a tile is seen."""
    spans = ((box.top, box.bottom, grid.area[0]), (box.left, box.right, grid.area[1]))
    rows, columns = (
        slice(first * UNIT - (FADE if first else 0), last * UNIT + (FADE if last < end else 0))
        for first, last, end in spans
    )
    return rows, columns


def _weights(first: int, last: int, end: int) -> Float[np.ndarray, " N"]:
    """How much of a tile is seen at each pixel along one side: 1, and towards a neighbour linearly to 0."""
    weights = np.ones((last - first) * UNIT + FADE * ((first > 0) + (last < end)), np.float32)
    ramp = (np.arange(2 * FADE, dtype=np.float32) + 0.5) / (2 * FADE)
    if first:
        weights[: 2 * FADE] = ramp
    if last < end:
        weights[-2 * FADE :] = 1 - ramp
    return weights
