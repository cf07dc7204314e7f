"""Two images as files, for measures that other programs take."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image


@contextlib.contextmanager
def written_pair(reference: np.ndarray, decoded: np.ndarray) -> Iterator[tuple[Path, Path]]:
    """The original and the decoded image, uint8 [H, W, 3], as PNGs in a folder that is then removed."""
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / "original.png", Path(folder) / "decoded.png"
        for path, image in zip(paths, (reference, decoded), strict=True):
            Image.fromarray(image).save(path, compress_level=1)
        yield paths
