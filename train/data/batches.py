"""The iterator over training batches: what failed on the way is told once, and nothing outlives it."""

from __future__ import annotations

import atexit
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np


class Drawn(NamedTuple):
    """A photo, a crop or a batch of crops.

    Attributes:
        pixels: None where not one photo could be decoded.
        failures: photos that failed on the way, one line each; they travel with the pixels because another process may
            have met them.
    """

    pixels: np.ndarray | None
    failures: tuple[str, ...]


class TrainingBatches(Iterator[np.ndarray]):
    """See `training_batches`.

    Attributes:
        position: number of the next batch; pass it as `start` to go on from here.
        failures: photos that were replaced so far, one line each.
    """

    def __init__(self, stream: Iterator[Drawn], start: int, tell: Callable[[str], object] | None) -> None:
        self.position = start
        self.failures: dict[str, None] = {}
        self._stream: Iterator[Drawn] | None = stream
        self._tell = tell or _to_standard_error
        # Registered later, so run before multiprocessing's own end, which waits for ever for workers that ignore it.
        atexit.register(_close_if_alive, weakref.ref(self))

    def __next__(self) -> np.ndarray:
        """The next batch.

        Raises:
            ValueError: the photos cannot be decoded, or the iterator is closed.
            ChildProcessError: a worker process died.
        """
        if self._stream is None:
            raise ValueError("the batches were closed")
        try:
            crops, failures = next(self._stream)
        except RuntimeError as error:  # grain's word for a worker that was killed
            reason = str(error).split(". ")[0]
            raise ChildProcessError(f"{reason}: if memory ran out, decode in fewer processes") from error
        for line in failures:
            if line not in self.failures:
                self.failures[line] = None
                self._tell(f"{line}: another photo takes its place ({len(self.failures)} so far)")
        if crops is None:
            raise ValueError(f"too many photos in a row cannot be decoded, the last: {failures[-1]}")
        self.position += 1
        return crops

    def close(self) -> None:
        """Stops threads and processes; what they prepared is lost. May be called again."""
        stream, self._stream = self._stream, None
        close = getattr(stream, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> TrainingBatches:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _close_if_alive(reference: weakref.ref[TrainingBatches]) -> None:
    batches = reference()
    if batches is not None:
        batches.close()


def _to_standard_error(line: str) -> None:
    sys.stderr.write(line + "\n")
