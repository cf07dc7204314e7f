"""How many crops a second the data pipeline gives, with nothing else running: training must need fewer."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from bench.coding.codec import smooth_image
from train.data import open_photos, training_batches

_BATCH = 8


def write_photos(folder: Path, count: int) -> None:
    """JPEG files of the size that training sets have, 500×375, with some noise, as photographs have."""
    generator = np.random.default_rng(0)
    for number in range(count):
        noise = generator.normal(0, 6, (375, 500, 3))
        pixels = np.clip(smooth_image(375, 500) + noise + number, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg", quality=90)


def crops_per_second(data: Path | None, patch_size: int, workers: int, seconds: float) -> float:
    """The rate of `train.data` when every photo is read and decoded again each time.

    Args:
        data: folder of photos; None makes a few.
        patch_size: side of a crop in pixels.
        workers: processes that decode; 0 for threads.
        seconds: how long to count, after a second of warming up.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if data is None else data
        if data is None:
            write_photos(folder, 48)
        photos = open_photos(str(folder), validation_photos=1)
        with training_batches(
            photos.training, seed=0, batch_size=_BATCH, patch_size=patch_size, workers=workers, cache_bytes=0
        ) as batches:
            _count(batches, 1.0)
            return _count(batches, seconds)


def _count(batches: Iterator[np.ndarray], seconds: float) -> float:
    started, crops = time.perf_counter(), 0
    while (passed := time.perf_counter() - started) < seconds or not crops:
        crops += len(next(batches))
    return crops / passed
