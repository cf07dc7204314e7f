"""Each tile's latent with its neighbours' margin."""

import numpy as np
import pytest

from cca_jax.tiling.geometry import Grid
from cca_jax.tiling.halo import POSITIONS, with_halos

GRIDS = [Grid((3, 5), (2, 2)), Grid((3, 5), (1, 1)), Grid((2, 1), (1, 1)), Grid((1, 4), (1, 3))]


def crop(latent, box):
    return latent[(slice(None), *box.crop(POSITIONS))]


@pytest.mark.parametrize("grid", GRIDS)
def test_a_tile_sees_its_neighbors(grid):
    latent = np.random.default_rng(0).random((1, grid.area[0] * POSITIONS, grid.area[1] * POSITIONS, 2))
    seen = list(with_halos(grid, (crop(latent, box) for box in grid.tiles())))
    for box, part in zip(grid.tiles(), seen, strict=True):
        np.testing.assert_array_equal(part, crop(latent, grid.around(box)))


def test_no_more_than_two_rows_are_asked_for_ahead():
    grid = Grid((5, 2), (1, 1))
    taken = []

    def latents():
        for box in grid.tiles():
            taken.append(box)
            yield np.zeros((1, POSITIONS, POSITIONS, 1))

    for number, _ in enumerate(with_halos(grid, latents())):
        assert len(taken) == min(grid.columns * (number // grid.columns + 2), grid.count)
