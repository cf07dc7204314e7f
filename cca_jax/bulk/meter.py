"""How fast a run goes, and which of its stages the others wait for."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping

READING, CODING, WRITING = "reading", "coding", "writing"
"""The stages of a run; each has threads of its own."""


class Meter:
    """Counts what is done, and the seconds that the threads of each stage are busy; from any thread.

    Attributes:
        threads: of each stage.
        images: done.
        bytes: of the files that were read.
        busy: seconds by stage.
        parts: seconds by part of the coding stage, as `Stopwatch` names them.
    """

    def __init__(self, threads: Mapping[str, int]) -> None:
        self.threads = dict(threads)
        self.images = self.bytes = 0
        self.busy = dict.fromkeys(threads, 0.0)
        self.parts: dict[str, float] = {}
        self._started = time.perf_counter()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Counts the time inside as this stage's."""
        started = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self.busy[name] += time.perf_counter() - started

    def add_parts(self, seconds: Mapping[str, float]) -> None:
        """Adds what a stopwatch counted of the coding stage."""
        with self._lock:
            for name, count in seconds.items():
                self.parts[name] = self.parts.get(name, 0.0) + count

    def done(self, images: int, num_bytes: int) -> None:
        """So many more images are done, of so many bytes read."""
        with self._lock:
            self.images += images
            self.bytes += num_bytes

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.perf_counter() - self._started

    def shares(self) -> dict[str, float]:
        """The part of the time that the threads of each stage were busy, 0 to 1."""
        seconds = max(self.seconds, 1e-9)
        return {name: min(1.0, busy / seconds / self.threads[name]) for name, busy in self.busy.items()}

    def limit(self) -> str | None:
        """The stage whose threads are busy most, by the largest part of it where the parts are known."""
        shares = self.shares()
        if not any(shares.values()):
            return None
        stage = max(shares, key=lambda name: shares[name])
        return max(self.parts, key=lambda name: self.parts[name]) if stage == CODING and self.parts else stage

    def __str__(self) -> str:
        seconds, limit = max(self.seconds, 1e-9), self.limit()
        speed = f"{self.images / seconds:.3g} images/s, {self.bytes / 1e6 / seconds:.3g} MB/s"
        return speed if limit is None else f"{speed}, limited by {limit}"
