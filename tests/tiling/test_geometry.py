"""Grids: every unit in one tile, no slivers, and halos that end where the image does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cca_jax.config import HYPER_STRIDE
from cca_jax.tiling import geometry
from cca_jax.tiling.geometry import HALO, LARGEST_AREA, LONGEST_SIDE, UNIT, Box, Grid

sides = st.integers(1, 20)


@st.composite
def grids(draw):
    area = draw(sides), draw(sides)
    return Grid(area, (draw(st.integers(1, area[0])), draw(st.integers(1, area[1]))))


def test_a_unit_is_a_position_of_the_hyper_latent():
    assert UNIT == HYPER_STRIDE


@settings(deadline=None)
@given(grids())
def test_tiles_cover_the_area_once(grid):
    counted = np.zeros(grid.area, int)
    boxes = list(grid.tiles())
    for box in boxes:
        counted[box.crop(1)] += 1
        assert box.sides[0] <= grid.tile[0]
        assert box.sides[1] <= grid.tile[1]
        assert box.sides == counted[box.crop(1)].shape
    assert (counted == 1).all()
    assert len(boxes) == grid.count == grid.rows * grid.columns
    assert [box for index in range(grid.rows) for box in grid.row(index)] == boxes
    assert boxes[0].sides == grid.tile


@settings(deadline=None)
@given(grids())
def test_a_halo_ends_where_the_area_does(grid):
    whole = Box(0, 0, *grid.area)
    for box in grid.tiles():
        around = grid.around(box)
        for axis, outwards in enumerate((-1, -1, 1, 1)):
            expected = whole[axis] if box[axis] == whole[axis] else box[axis] + outwards * HALO
            assert around[axis] == expected
        assert all(side <= widest for side, widest in zip(around.sides, grid.widest, strict=True))
        pixels = np.arange(grid.area[0] * grid.area[1]).reshape(grid.area)
        np.testing.assert_array_equal(pixels[around.crop(1)][box.within(around).crop(1)], pixels[box.crop(1)])


@settings(deadline=None)
@given(height=st.integers(1, 20_000), width=st.integers(1, 20_000), longest=st.none() | st.integers(64, 3000))
def test_a_division_is_even_and_within_its_limit(height, width, longest):
    grid = Grid.divide(height, width, longest)
    if longest is None and grid.area[0] * grid.area[1] <= LARGEST_AREA:
        assert grid == Grid.whole(height, width)
        return
    limit = LONGEST_SIDE if longest is None else longest // UNIT
    for area, tile in zip(grid.area, grid.tile, strict=True):
        count = -(-area // tile)
        assert tile <= limit
        assert count == -(-area // limit)  # as few as can be
        assert tile * count - area < count  # and the last lacks less than a unit for each


@pytest.mark.parametrize(
    ("pixels", "longest", "area", "tile"),
    [
        ((512, 768), None, (8, 12), (8, 12)),
        ((1365, 2048), None, (22, 32), (22, 32)),
        ((2730, 4096), None, (43, 64), (11, 13)),
        ((8192, 12288), None, (128, 192), (13, 14)),
        ((512, 768), 511, (8, 12), (4, 6)),
        ((1, 1 << 26), None, (1, 1 << 20), (1, 14)),
        ((64, 1 << 20), 1 << 20, (1, 1 << 14), (1, 253)),  # what a file can state
    ],
)
def test_divisions(pixels, longest, area, tile):
    grid = Grid.divide(*pixels, longest)
    assert (grid.area, grid.tile) == (area, tile)


def test_a_hundred_megapixels_are_a_few_hundred_tiles():
    assert Grid.divide(8660, 11547).count == 130 < geometry.MAX_TILES
