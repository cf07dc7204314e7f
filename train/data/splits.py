"""Which photos are held out for validation."""

from __future__ import annotations

import numpy as np

from train.data.source import PhotoSource, Subset


def spread(count: int, chosen: int) -> np.ndarray:
    """Numbers of `chosen` of `count` photos, evenly spaced from the first to the last: integers [chosen]."""
    return np.linspace(0, count - 1, chosen, dtype=int)


def hold_out(source: PhotoSource, validation_photos: int) -> tuple[Subset, Subset]:
    """Takes evenly spaced photos for validation; returns (training, validation).

    Raises:
        ValueError: none would be left on one of the sides.
    """
    count = len(source)
    if not 0 < validation_photos < count:
        raise ValueError(
            f"{validation_photos} of {count} photos cannot be held out for validation: "
            "hold out fewer or give more photos"
        )
    held_out = spread(count, validation_photos)
    return Subset(source, np.setdiff1d(np.arange(count), held_out)), Subset(source, held_out)


def thin_out(source: PhotoSource, validation_photos: int) -> PhotoSource:
    """At most so many photos of a validation split of its own, evenly spaced: validation must not outlast training."""
    return source if len(source) <= validation_photos else Subset(source, spread(len(source), validation_photos))
