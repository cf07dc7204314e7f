"""The decoded latents of tiles, each with the margin of its neighbours' latents that its synthesis sees."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Float

from cca_jax.config import HYPER_STRIDE, LATENT_STRIDE
from cca_jax.tiling.geometry import HALO, Grid

POSITIONS = HYPER_STRIDE // LATENT_STRIDE
"""Positions of the latent along a unit."""


def with_halos(grid: Grid, latents: Iterable[Float[np.ndarray, "1 h w M"]]) -> Iterator[Float[np.ndarray, "1 h w M"]]:
    """Each tile's latent with its halo, which ends where the image does.

    Args:
        grid: of the image.
        latents: those of the tiles alone, in the order of the tiles. They are taken as they are needed: no more than
            two rows of tiles are held.
    """
    parts = iter(latents)
    rows = (np.concatenate(list(itertools.islice(parts, grid.columns)), axis=2) for _ in range(grid.rows))
    margin = HALO * POSITIONS
    current = next(rows)
    above = current[:, :0]
    for index in range(grid.rows):
        below = next(rows, current[:, :0])
        band = np.concatenate([above, current, below[:, :margin]], axis=1)
        for box in grid.row(index):
            _, columns = grid.around(box).crop(POSITIONS)
            yield band[:, :, columns]
        above, current = current[:, -margin:], below
