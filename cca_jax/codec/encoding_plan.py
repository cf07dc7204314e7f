"""What an image is encoded in, once it is known that it can be."""

from __future__ import annotations

import numpy as np

from cca_jax.bitstream import container
from cca_jax.codec.checks.limits import check_memory, check_pixels
from cca_jax.codec.effort.levels import check_effort
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
    check_picture(image)
    check_pixels(image.shape[0], image.shape[1], max_pixels)
    if tile is not None and tile < UNIT:
        raise ValueError(f"a tile has sides of at least {UNIT} pixels, got {tile}")
    check_effort(effort)
    grid = Grid.divide(image.shape[0], image.shape[1], tile)
    if grid.count > MAX_TILES:
        raise ValueError(f"tiles of {tile} pixels would be {grid.count}, at most {MAX_TILES} can be: use larger ones")
    check_memory(config, grid)
    quality = coded_quality(name, config, quality)
    if effort and not config.rate_weights:
        raise ValueError(f"model {name!r} has a single rate, whose λ it does not say: it makes no effort")
    return grid, quality


def check_picture(pixels: np.ndarray) -> None:
    """Raises ValueError unless it is an array that can be coded: uint8 or uint16 [H, W, 3], with pixels."""
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype not in (np.uint8, np.uint16) or 0 in pixels.shape:
        raise ValueError(f"compress takes a uint8 or uint16 array [H, W, 3], got {pixels.dtype} {list(pixels.shape)}")


def coded_quality(name: str, config: ModelConfig, quality: float | None) -> float | None:
    """The quality that a file states, of the one that was asked for; None where the model has a single rate.

    Raises:
        ValueError: a quality out of range, or given to a model of a single rate.
    """
    if not config.rate_weights:
        if quality is not None:
            raise ValueError(f"model {name!r} has a single rate: leave the quality out")
        return None
    quality = DEFAULT_QUALITY if quality is None else quality
    check_quality(quality)
    return container.round_quality(quality)
