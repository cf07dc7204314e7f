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
        first: the first call, compilation included.
        median: of the calls after it.
        low: the fastest of these.
        high: the slowest of these.
    """

    first: float
    median: float
    low: float
    high: float


def measure(function: Callable[[], Any], repetitions: int) -> Timing:
    """Calls a function once, and then `repetitions` times; every call is waited for."""
    seconds = []
    for _ in range(1 + repetitions):
        started = time.perf_counter()
        jax.block_until_ready(function())
        seconds.append(time.perf_counter() - started)
    first, rest = seconds[0], seconds[1:]
    return Timing(first, statistics.median(rest), min(rest), max(rest))
