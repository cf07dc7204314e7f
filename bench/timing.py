"""Timing: what compiling costs once, and what running costs every time."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax

Value = TypeVar("Value")


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds.

    Attributes:
        first: the first call, compilation included where it was not done before; None where it was not counted.
        median: of the calls after it.
        low: the fastest of these.
        high: the slowest of these.
    """

    first: float | None
    median: float
    low: float
    high: float

    @property
    def compiling(self) -> float | None:
        """What the first call took longer than the median."""
        return None if self.first is None else max(0.0, self.first - self.median)


def summarize(seconds: Sequence[float], first: float | None = None) -> Timing:
    """Median and spread of repetitions, at least one."""
    return Timing(first, statistics.median(seconds), min(seconds), max(seconds))


def once(function: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one call that is waited for, and its result."""
    started = time.perf_counter()
    result = jax.block_until_ready(function())
    return time.perf_counter() - started, result


def measure(function: Callable[[], Any], repetitions: int) -> Timing:
    """Calls a function once, and then `repetitions` times (at least 1)."""
    first, *rest = (once(function)[0] for _ in range(1 + max(1, repetitions)))
    return summarize(rest, first)


def alternate(runs: Sequence[Callable[[], Value]], repetitions: int) -> list[list[Value]]:
    """What each run says it took: one call of each that does not count, then all in turn, so many times.

    In turn, so that what else the machine does hits all alike.
    """
    rounds = [[run() for run in runs] for _ in range(1 + repetitions)]
    return [list(column) for column in zip(*rounds[1:], strict=True)]
