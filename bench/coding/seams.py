"""How visible the seams of tiles are: PSNR beside them, against that of the same pixels where the image was not cut."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from cca_jax.codec.codec import Codec
from cca_jax.image_io.images import find_images, read_image
from cca_jax.tiling.geometry import UNIT, Grid

REACH = 16
"""Pixels to each side of a seam that count as beside it."""


@dataclasses.dataclass(frozen=True)
class SeamFigures:
    """Over all photos, each compressed in tiles and whole; dB.

    Attributes:
        photos: how many there were.
        beside: PSNR of the pixels beside seams, tiled.
        beside_whole: the same pixels, whole.
        inside: PSNR of the other pixels, tiled.
        inside_whole: the same pixels, whole.
        bytes: of the files, tiled over whole.
    """

    photos: int
    beside: float
    beside_whole: float
    inside: float
    inside_whole: float
    bytes: float


def measure_seams(codec: Codec, photos: Path, tile: int) -> SeamFigures:
    """Codes the photos of a folder both ways.

    Args:
        codec: the model.
        photos: a folder or one file; photos that one tile holds, and those too large to be coded whole, are left out.
        tile: the longest side of a tile, pixels.

    Raises:
        ValueError: no photo is left.
    """
    errors, sizes = np.zeros((2, 2)), np.zeros(2)  # [beside or inside, tiled or whole]
    pixels, count = np.zeros(2), 0
    for path in find_images([str(photos)]):
        image = read_image(path).pixels
        height, width = image.shape[:2]
        grid = Grid.divide(height, width, tile)
        if grid.count == 1 or Grid.divide(height, width, None).count > 1:
            continue
        count += 1
        beside = beside_seams(grid, height, width)
        pixels += (beside.sum(), (~beside).sum())
        for way, files in enumerate((codec.compress(image, tile=tile), codec.compress(image))):
            sizes[way] += len(files)
            squares = ((codec.decompress(files).astype(np.float64) - image) ** 2).mean(-1)
            errors[:, way] += (squares[beside].sum(), squares[~beside].sum())
    if not count:
        raise ValueError(f"{photos} has no photo that takes several tiles of {tile} pixels and can be coded whole")
    psnr = 10 * np.log10(255**2 * pixels[:, None] / errors)
    (beside_tiled, beside_whole), (inside_tiled, inside_whole) = psnr.tolist()
    ratio = float(sizes[0] / sizes[1])
    return SeamFigures(count, beside_tiled, beside_whole, inside_tiled, inside_whole, ratio)


def beside_seams(grid: Grid, height: int, width: int) -> np.ndarray:
    """Which pixels lie within `REACH` of a seam: bool [height, width]."""
    rows, columns = (
        _beside(side, length, tiles)
        for side, length, tiles in zip(grid.tile, (height, width), (grid.rows, grid.columns), strict=True)
    )
    return rows[:, None] | columns[None]


def _beside(side: int, length: int, tiles: int) -> np.ndarray:
    seam, offset = np.divmod(np.arange(length) + REACH, side * UNIT)
    return (seam > 0) & (seam < tiles) & (offset < 2 * REACH)
