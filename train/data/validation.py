"""The crops that a run is validated on."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from cca_jax.config import HYPER_STRIDE
from cca_jax.image_io.images import ImageError
from train.data.crops import center_crop
from train.data.source import PhotoSource


def center_crops(source: PhotoSource, size: int, tell: Callable[[str], object]) -> np.ndarray:
    """The middle of every photo.

    Args:
        source: the photos; what cannot be decoded is left out.
        size: the most pixels of a crop's side; it is rounded down to a multiple of 64. Smaller photos are mirrored at
            their borders.
        tell: called with one line for each photo that was left out.

    Returns:
        uint8 [N, S, S, 3].

    Raises:
        ValueError: `size` is below 64, or no photo can be decoded.
    """
    side = size // HYPER_STRIDE * HYPER_STRIDE
    if side < HYPER_STRIDE:
        raise ValueError(f"crops for validation need sides of at least {HYPER_STRIDE} pixels, got {size}")

    def one(index: int) -> np.ndarray | ImageError:
        try:
            return center_crop(source[index], side)
        except ImageError as error:
            return error

    crops = []
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for outcome in threads.map(one, range(len(source))):
            if isinstance(outcome, ImageError):
                tell(f"{outcome}: not validated on")
            else:
                crops.append(outcome)
    if not crops:
        raise ValueError(f"none of the {len(source)} photos for validation can be decoded")
    return np.stack(crops)
