"""What photos come from, whoever keeps them, and views of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class PhotoSource(Protocol):
    """Photos by number; can be pickled, so that worker processes may have it too."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, index: int) -> np.ndarray:
        """The photo of a number in [0, len): uint8 [H, W, 3]; raises ImageError for one that cannot be decoded."""
        ...


@dataclass(frozen=True)
class Subset:
    """Some photos of a source.

    Attributes:
        source: all of them.
        indices: numbers of the chosen ones, integers [N].
    """

    source: PhotoSource
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.source[int(self.indices[index])]


class CachedPhotos:
    """Keeps decoded photos in memory until they fill it; then further ones are decoded each time.

    Nothing is thrown out again: when every photo is visited once an epoch, the one that was not used for longest is the
    one that comes next. Copies that go to other processes start empty and keep nothing.
    """

    def __init__(self, source: PhotoSource, limit_bytes: int) -> None:
        self._source = source
        self._room = limit_bytes
        self._lock = threading.Lock()
        self._kept: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> np.ndarray:
        photo = self._kept.get(index)
        if photo is None:
            photo = self._source[index]
            with self._lock:
                if photo.nbytes <= self._room and index not in self._kept:
                    self._room -= photo.nbytes
                    self._kept[index] = photo
        return photo

    def __reduce__(self) -> tuple[type[CachedPhotos], tuple[PhotoSource, int]]:
        return CachedPhotos, (self._source, 0)
