"""Timing: what compiling costs once, and what running costs every time."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds.

    Attributes:
        first: the first call, compilation included where it was not done before.
        median: of the calls after it.
        low: the fastest of these.
        high: the slowest of these.
    """

    first: float
    median: float
    low: float
    high: float


def once(function: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one call that is waited for, and its result."""
    started = time.perf_counter()
    result = jax.block_until_ready(function())
    return time.perf_counter() - started, result


def measure(function: Callable[[], Any], repetitions: int) -> Timing:
    """Calls a function once, and then `repetitions` times (at least 1)."""
    first, *rest = (once(function)[0] for _ in range(1 + max(1, repetitions)))
    return Timing(first, statistics.median(rest), min(rest), max(rest))
