"""Where the seconds of coding go: a stopwatch that adds them up by part."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax

T = TypeVar("T")

TRANSFORM = "transform"
"""Analysis and synthesis transform."""
ENTROPY_MODEL = "entropy model"
"""Hyper transforms, slice networks, symbols and the indexes of their tables."""
CODER = "coder"
"""Range coding, symbol checks, and the copies of symbols and indexes between device and host."""


class Stopwatch:
    """Adds up wall-clock time by part.

    Attributes:
        seconds: what each part took so far; a part that never ran is not in it.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._adding = threading.Lock()

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Counts the time inside for the part of that name; of parts within parts each counts its own whole time."""
        start = time.perf_counter()
        try:
            yield
        finally:
            passed = time.perf_counter() - start
            with self._adding:
                self.seconds[name] = self.seconds.get(name, 0.0) + passed


def timed(clock: Stopwatch | None, part: str, compute: Callable[..., T], *arguments: Any) -> T:
    """What `compute` returns; with a clock its arrays are waited for, and the time is counted for that part."""
    if clock is None:
        return compute(*arguments)
    with clock.part(part):
        return jax.block_until_ready(compute(*arguments))
