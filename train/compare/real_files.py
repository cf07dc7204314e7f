"""Rates and PSNRs of real files of whole photos, at each of a model's rates."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np

from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.config import ModelConfig
from cca_jax.config.quality_scale import MAX_QUALITY, MIN_QUALITY
from cca_jax.entropy_coding.coders import default_coder
from cca_jax.image_io.images import ImageError
from cca_jax.objective.metrics import fidelity
from train.data import PhotoSource

_BITS = 8


def file_points(params: Any, config: ModelConfig, photos: PhotoSource) -> tuple[list[float], list[float], int]:
    """Codes and decodes photos at each of the model's rates.

    Args:
        params: of the model.
        config: its sizes.
        photos: whole photos; what cannot be decoded is left out.

    Returns:
        Bits per pixel and PSNRs in dB, from low rate to high, means over the photos; and how many photos.

    Raises:
        ValueError: no photo can be decoded.
    """
    codec = Codec(Bundle.build("compared", "", config, params, "float16"), default_coder())
    images = [image for index in range(len(photos)) if (image := _photo(photos, index)) is not None]
    if not images:
        raise ValueError(f"none of the {len(photos)} photos for validation can be decoded")
    measured = [[_measure(codec, image, quality) for image in images] for quality in qualities_of(config)]
    rates, psnrs = ([statistics.fmean(one[part] for one in row) for row in measured] for part in (0, 1))
    return rates, psnrs, len(images)


def qualities_of(config: ModelConfig) -> list[float | None]:
    """The quality of each rate that a model has learned; None alone for a model of one."""
    last = len(config.rate_weights) - 1
    if last < 1:
        return [None]
    return [MIN_QUALITY + (MAX_QUALITY - MIN_QUALITY) * row / last for row in range(last + 1)]


def _photo(photos: PhotoSource, index: int) -> np.ndarray | None:
    try:
        return photos[index]
    except ImageError:
        return None


def _measure(codec: Codec, image: np.ndarray, quality: float | None) -> tuple[float, float]:
    data = codec.compress(image) if quality is None else codec.compress(image, quality)
    pixels = image.shape[0] * image.shape[1]
    return _BITS * len(data) / pixels, fidelity(image, codec.decompress(data)).psnr
