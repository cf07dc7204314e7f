"""Tiles put together: what agrees comes back as it was, and what does not fades from one to the other."""

import numpy as np
import pytest

from cca_jax.tiling.blending import FADE, blend
from cca_jax.tiling.geometry import HALO, UNIT, Grid

GRID = Grid((3, 5), (2, 2))  # the last row and column are smaller


def planes(grid, image):
    return [image[grid.around(box).crop(UNIT)] for box in grid.tiles()]


@pytest.mark.parametrize("grid", [GRID, Grid((3, 5), (1, 1)), Grid((2, 1), (1, 1)), Grid((1, 3), (1, 2))])
def test_tiles_that_agree_give_the_image(grid):
    height, width = grid.area[0] * UNIT - 13, grid.area[1] * UNIT - 60
    pixels = np.random.default_rng(0).integers(0, 256, (grid.area[0] * UNIT, grid.area[1] * UNIT, 3))
    image = blend(grid, height, width, planes(grid, (pixels / 255).astype(np.float32)))
    np.testing.assert_array_equal(image, pixels[:height, :width])


def test_an_image_that_ends_within_the_fade_of_its_last_row():
    grid = Grid((3, 1), (2, 1))
    pixels = np.random.default_rng(0).integers(0, 256, (3 * UNIT, UNIT, 3))
    image = blend(grid, 2 * UNIT + 3, UNIT, planes(grid, (pixels / 255).astype(np.float32)))
    np.testing.assert_array_equal(image, pixels[: 2 * UNIT + 3])


def test_the_image_is_clamped():
    grid = Grid((1, 2), (1, 1))
    image = blend(grid, UNIT, 2 * UNIT, planes(grid, np.full((UNIT, 2 * UNIT, 3), 1.25, np.float32)))
    assert (image == 255).all()
    image = blend(grid, UNIT, 2 * UNIT, planes(grid, np.full((UNIT, 2 * UNIT, 3), -0.25, np.float32)))
    assert (image == 0).all()


def test_a_tile_fades_into_its_neighbor_along_a_straight_line():
    grid = Grid((4, 1), (2, 1))
    parts = [np.full((grid.around(box).sides[0] * UNIT, UNIT, 3), value, np.float32)
             for box, value in zip(grid.tiles(), (0.2, 0.6), strict=True)]  # fmt: skip
    column = blend(grid, 4 * UNIT, UNIT, parts)[:, 0, 0].astype(int)
    seam = 2 * UNIT
    assert (column[: seam - FADE] == 51).all()
    assert (column[seam + FADE :] == 153).all()
    steps = np.diff(column[seam - FADE - 1 : seam + FADE + 1])
    assert FADE <= HALO * UNIT
    assert steps.min() >= 1
    assert steps.max() <= np.ceil(102 / (2 * FADE))
