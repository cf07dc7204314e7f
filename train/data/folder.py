"""Photos in a folder, at any depth."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cca_jax.image_io.images import IMAGE_SUFFIXES, ImageError
from train.data.decode import check_header, decode_photo

_HEADER_THREADS = 32
"""Reading the beginnings of many files is waiting, on a network's disk above all."""


@dataclass(frozen=True)
class FolderPhotos:
    """A `PhotoSource` of files, decoded when asked for.

    Attributes:
        folder: what `names` start from.
        names: relative paths with forward slashes, sorted.
    """

    folder: Path
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> np.ndarray:
        path = self.folder / self.names[index]
        try:
            with path.open("rb") as file:
                return decode_photo(file, path)
        except OSError as error:
            raise ImageError(f"{path}: cannot be read: {error.strerror}") from error


def open_folder(folder: Path) -> tuple[FolderPhotos, list[str]]:
    """Finds the photos of a folder, by their names' suffixes and their first bytes.

    Hidden files and folders are passed over, links are followed. What is damaged behind a good beginning is only seen
    when it is decoded.

    Args:
        folder: at any depth below it, files that end in one of `cca_jax.image_io.images.IMAGE_SUFFIXES`.

    Returns:
        The photos, in the order of their sorted paths, and one line for each file that is none.

    Raises:
        ValueError: no such folder, or nothing usable in it.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder: give a folder of photos, or tfds:NAME")
    names, skipped = _find(folder)
    with ThreadPoolExecutor(_HEADER_THREADS) as threads:
        faults = list(threads.map(lambda name: check_header(folder / name), names, chunksize=64))
    usable = tuple(name for name, fault in zip(names, faults, strict=True) if fault is None)
    skipped += [fault for fault in faults if fault is not None]
    if not usable:
        reason = f" ({skipped[0]})" if skipped else f": no file ends in {', '.join(sorted(IMAGE_SUFFIXES))}"
        raise ValueError(f"{folder}: the folder holds no usable photo{reason}")
    return FolderPhotos(folder, usable), skipped


def _find(folder: Path) -> tuple[list[str], list[str]]:
    """Relative paths of what is named like a photo, sorted, and a line for each folder that cannot be listed."""
    names: list[str] = []
    unlisted: list[OSError] = []
    visited: set[tuple[int, int]] = set()
    for current, folders, files in os.walk(folder, followlinks=True, onerror=unlisted.append):
        status = os.stat(current)
        if (status.st_dev, status.st_ino) in visited:  # a link that leads back
            folders.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        names += [
            (Path(current) / name).relative_to(folder).as_posix()
            for name in files
            if not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES
        ]
    return sorted(names), [f"{error.filename}: cannot be listed: {error.strerror}" for error in unlisted]
