"""What an image is encoded in, once it is known that it can be."""

from __future__ import annotations

import numpy as np

from cca_jax.bitstream import container
from cca_jax.codec.effort.levels import check_effort
from cca_jax.codec.limits import check_memory, check_pixels
from cca_jax.config import ModelConfig
from cca_jax.config.quality_scale import DEFAULT_QUALITY, check_quality
from cca_jax.tiling.geometry import MAX_TILES, UNIT, Grid


def plan_encoding(
    name: str,
    config: ModelConfig,
    image: np.ndarray,
    quality: float | None,
    tile: int | None,
    effort: int,
    max_pixels: int,
) -> tuple[Grid, float | None]:
    """The tiles to encode an image in and the quality to do it with, which are those that the file will state.

    Args:
        name: what people call the model.
        config: its sizes.
        image: [H, W, 3].
        quality: as the other arguments, what `Codec.compress` was given.
        tile: likewise.
        effort: likewise.
        max_pixels: of an image that is accepted.

    Raises:
        ValueError: another kind of array, a quality or an effort that the model does not offer, or too small a tile.
        TooLargeError: the image or its tiles.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype not in (np.uint8, np.uint16) or 0 in image.shape:
        raise ValueError(f"compress takes a uint8 or uint16 array [H, W, 3], got {image.dtype} {list(image.shape)}")
    check_pixels(image.shape[0], image.shape[1], max_pixels)
    if tile is not None and tile < UNIT:
        raise ValueError(f"a tile has sides of at least {UNIT} pixels, got {tile}")
    check_effort(effort)
    grid = Grid.divide(image.shape[0], image.shape[1], tile)
    if grid.count > MAX_TILES:
        raise ValueError(f"tiles of {tile} pixels would be {grid.count}, at most {MAX_TILES} can be: use larger ones")
    check_memory(config, grid)
    if not config.rate_weights:
        if quality is not None:
            raise ValueError(f"model {name!r} has a single rate: leave the quality out")
        if effort:
            raise ValueError(f"model {name!r} has a single rate, whose λ it does not say: it makes no effort")
        return grid, None
    quality = DEFAULT_QUALITY if quality is None else quality
    check_quality(quality)
    return grid, container.round_quality(quality)
