"""Each tile coded, and with effort what a search found beside it; of the files that these make, the best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, cast

import numpy as np

from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.effort.choice import best_file
from cca_jax.codec.effort.levels import LEVELS
from cca_jax.codec.effort.search import Effort, Progress, search_tiles
from cca_jax.codec.tiles.image_coder import ImageCoder
from cca_jax.codec.tiles.latent_coding import Coded, encode_latent
from cca_jax.entropy_coding.coders import RangeCoder
from cca_jax.model.rates import RatePoint

File = TypeVar("File")


def code_tiles(
    run: ImageCoder, image: np.ndarray, effort: int, bundle: Bundle, coder: RangeCoder, progress: Progress | None
) -> Iterator[tuple[Coded, ...]]:
    """The ways in which each tile is coded: one, or with effort also what was found.

    Args:
        run: of the image's tiles.
        image: uint8 or uint16 [H, W, 3].
        effort: its level.
        bundle: the model.
        coder: to write with.
        progress: is told how far a search is.

    Raises:
        ValueError: a latent is not finite.
    """
    if not effort:
        return ((encode_latent(*tile, bundle, coder),) for tile in run.analyze(image))
    return search_tiles(run, image, Effort(LEVELS[effort], bundle, coder), progress)


def best_way(
    files: Sequence[File],
    image: np.ndarray,
    run: ImageCoder,
    quality: float | None,
    restore: Callable[[File], np.ndarray],
    size: Callable[[File], int],
) -> File:
    """Of the files of each way, the best; a single tile's own choice is the file's. See `effort.choice.best_file`."""
    if len(files) == 1 or run.grid.count == 1:
        return files[-1]
    return best_file(files, image, RatePoint.of_quality(run.config, cast(float, quality)), restore, size)
