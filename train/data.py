"""Random crops from a folder of photos, each a pure function of (seed, step)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cca_jax.images import ImageError, find_images, read_image


def load_photos(folder: Path, min_side: int) -> tuple[list[np.ndarray], list[str]]:
    """Decodes every photo of a folder into memory.

    Args:
        folder: the photos directly inside it are taken.
        min_side: photos with a shorter side are left out.

    Returns:
        uint8 [H, W, 3] arrays in the order of their names, and one line for each file left out.

    Raises:
        ValueError: nothing usable in the folder.
    """
    photos, skipped = [], []
    for path in find_images([folder]):
        try:
            pixels = read_image(path).pixels
        except ImageError as error:
            skipped.append(str(error))
            continue
        if min(pixels.shape[:2]) < min_side:
            skipped.append(f"{path}: {pixels.shape[1]}×{pixels.shape[0]} is smaller than a crop of {min_side}")
        else:
            photos.append(pixels)
    if not photos:
        raise ValueError(
            f"no photo with sides of at least {min_side} pixels in {folder}: point --data at a folder of photos"
        )
    return photos, skipped


def split_photos(photos: Sequence[np.ndarray], validation: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Every so-many-th photo, `validation` in all, is held out; returns (training, held out)."""
    if not 0 < validation < len(photos):
        raise ValueError(f"{validation} of {len(photos)} photos cannot be held out: hold out fewer or give more photos")
    held = set(np.linspace(0, len(photos) - 1, validation, dtype=int).tolist())
    return [p for i, p in enumerate(photos) if i not in held], [photos[i] for i in sorted(held)]


def random_crops(photos: Sequence[np.ndarray], seed: int, step: int, batch: int, size: int) -> np.ndarray:
    """The batch of a step: crops at random places of random photos, float32 [batch, size, size, 3] in [0, 1]."""
    generator = np.random.default_rng((seed, step))
    crops = []
    for index in generator.integers(len(photos), size=batch):
        photo = photos[index]
        top = generator.integers(photo.shape[0] - size + 1)
        left = generator.integers(photo.shape[1] - size + 1)
        crops.append(photo[top : top + size, left : left + size])
    return np.stack(crops).astype(np.float32) / np.float32(255)


def centre_crops(photos: Sequence[np.ndarray], size: int) -> np.ndarray:
    """The middle of each photo, float32 [len(photos), size, size, 3] in [0, 1]."""
    crops = []
    for photo in photos:
        top, left = ((side - size) // 2 for side in photo.shape[:2])
        crops.append(photo[top : top + size, left : left + size])
    return np.stack(crops).astype(np.float32) / np.float32(255)
