"""Which pixels count as beside a seam."""

import numpy as np
import pytest
from PIL import Image

from bench.coding.seams import REACH, beside_seams, measure_seams
from cca_jax.tiling.geometry import Grid


def test_beside_are_the_pixels_within_reach_of_an_inner_edge():
    grid = Grid.divide(100, 300, 128)  # one row; columns of 128, 128 and 44 pixels
    beside = beside_seams(grid, 100, 300)
    assert beside.shape == (100, 300)
    columns = np.flatnonzero(beside.any(0))
    expected = [x for seam in (128, 256) for x in range(seam - REACH, seam + REACH)]
    assert columns.tolist() == expected
    assert beside[:, columns].all()


def test_rows_and_columns_both_have_seams():
    beside = beside_seams(Grid.divide(130, 130, 64), 130, 130)
    assert beside[64, 5]
    assert beside[5, 64]
    assert not beside[32, 32]


def test_photos_of_one_tile_tell_nothing(tmp_path):
    Image.new("RGB", (64, 64)).save(tmp_path / "small.png")
    with pytest.raises(ValueError, match="no photo that takes several tiles of 128 pixels"):
        measure_seams(None, tmp_path, 128)
