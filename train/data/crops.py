"""Square crops of one photo, pure functions."""

from __future__ import annotations

import numpy as np


def random_crop(photo: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """A crop at a place of which each is as likely as any other.

    Args:
        photo: uint8 [H, W, 3]; sides shorter than a crop are extended first, see `extend`.
        size: the crop's side in pixels.
        generator: where the place comes from.

    Returns:
        uint8 [size, size, 3], a copy.
    """
    photo = extend(photo, size)
    height, width = photo.shape[:2]
    top, left = generator.integers((height - size + 1, width - size + 1))
    return photo[top : top + size, left : left + size].copy()


def center_crop(photo: np.ndarray, size: int) -> np.ndarray:
    """The middle of a photo, uint8 [size, size, 3]; arguments as for `random_crop`."""
    photo = extend(photo, size)
    top, left = ((side - size) // 2 for side in photo.shape[:2])
    return photo[top : top + size, left : left + size].copy()


def extend(photo: np.ndarray, size: int) -> np.ndarray:
    """Mirrors a photo at its lower and right borders, as often as needed, until no side is shorter than `size`.

    Args:
        photo: [H, W, 3], at least one pixel.
        size: the least length of a side in the result.

    Returns:
        [max(H, size), max(W, size), 3]; the photo itself where it is large enough.
    """
    height, width = photo.shape[:2]
    missing = max(size - height, 0), max(size - width, 0)
    if not any(missing):
        return photo
    # "symmetric" repeats the border's pixels, so that it has something to mirror in a photo of one pixel too.
    return np.pad(photo, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="symmetric")
