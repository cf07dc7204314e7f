"""How the cost of a run grows with the number of images and with their pixels."""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from bench.process.command import run_command
from bench.process.process import cache_environment
from cca_jax.image_io.images import find_images, read_image

SEED = 0


@dataclasses.dataclass(frozen=True)
class ScaleFigures:
    """A run over so many crops of one size, and the same command once more.

    Attributes:
        images: how many.
        side: of a crop, pixels.
        seconds: of the run.
        peak_bytes: the most memory that it held.
        again_seconds: of the second run, which finds all of them done.
        journal_bytes: of the journal.
    """

    images: int
    side: int
    seconds: float
    peak_bytes: int
    again_seconds: float
    journal_bytes: int


@dataclasses.dataclass(frozen=True)
class Model:
    """seconds = start + image · images + pixel · pixels, by least squares of relative errors.

    Attributes:
        start: seconds of a run whatever it does.
        image: seconds an image, whatever its size.
        pixel: seconds a pixel of the bucket that it is computed in.
        error: the largest relative error of a measured run.
    """

    start: float
    image: float
    pixel: float
    error: float

    def seconds(self, images: float, pixels: float) -> float:
        """Of so many images with so many pixels together."""
        return self.start + self.image * images + self.pixel * pixels


def measure_scale(photos: Path, model: str, cases: Sequence[tuple[int, int]]) -> list[ScaleFigures]:
    """A run for each case (images, side of their crops), which a first small one does not count."""
    originals = [read_image(path).pixels for path in find_images([photos])]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        environment = cache_environment(folder / "cache")
        figures = []
        for side in dict.fromkeys(side for _, side in cases):  # compiles
            _measure(originals, 2, side, model, folder / f"first{side}", environment)
        for images, side in cases:
            figures.append(_measure(originals, images, side, model, folder / f"{images}x{side}", environment))
        return figures


def fit(figures: Sequence[ScaleFigures]) -> Model:
    """The model of at least three runs, of two sizes and two numbers of images."""
    seconds = np.array([f.seconds for f in figures])
    terms = np.array([(1.0, f.images, f.images * bucket_pixels(f.side)) for f in figures])
    weighted = terms / seconds[:, None]
    solution, *_ = np.linalg.lstsq(weighted / weighted.max(0), np.ones(len(seconds)), rcond=None)
    solution = solution / weighted.max(0)
    error = float(np.abs(terms @ solution / seconds - 1).max())
    start, image, pixel = solution.tolist()
    return Model(start, image, pixel, error)


def bucket_pixels(side: int) -> int:
    """Pixels that are computed for a square of that side."""
    from cca_jax.tiling.buckets import bucket_side
    from cca_jax.tiling.geometry import UNIT, area_of

    rows, columns = map(bucket_side, area_of(side, side))
    return UNIT * UNIT * rows * columns


def _measure(
    originals: Sequence[np.ndarray], images: int, side: int, model: str, folder: Path, environment: dict[str, str]
) -> ScaleFigures:
    crops, out = folder / "crops", folder / "out"
    crops.mkdir(parents=True)
    generator = np.random.default_rng(SEED)
    for number in range(images):
        pixels = originals[number % len(originals)]
        top, left = (int(generator.integers(0, max(1, full - side + 1))) for full in pixels.shape[:2])
        crop = Image.fromarray(pixels[top : top + side, left : left + side])
        crop.save(crops / f"{number:07}.png", compress_level=1)
    command = [sys.executable, "-m", "cca_jax.cli", "compress", str(crops), "-o", str(out), "--model", model]
    first, second = run_command(command, environment), run_command(command, environment)
    with os.scandir(out / ".cca-jax") as journal:
        journal_bytes = sum(entry.stat().st_size for entry in journal)
    return ScaleFigures(images, side, first.seconds, first.peak_bytes, second.seconds, journal_bytes)
