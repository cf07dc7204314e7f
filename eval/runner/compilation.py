"""Times without compilation: a call in which JAX traced or compiled anything is made again.

Subtracting the durations that JAX reports would leave in the time what it does not report (reading its cache, loading a
program, the first allocation); a second call has none of it.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, TypeVar

import jax

Value = TypeVar("Value")

_COMPILING = "/jax/core/compile/"
_MAX_CALLS = 4


def steady(call: Callable[[], Value]) -> tuple[Value, float]:
    """Makes a call until JAX compiles nothing in it.

    Args:
        call: returns only when its work is done (no pending device computation).

    Returns:
        What the last call returned, and how many seconds longer than it the calls before took, which did compile.

    Raises:
        RuntimeError: it compiles every time, so that it has no time of its own.
    """
    seconds: list[float] = []
    for _ in range(_MAX_CALLS):
        before = _events().count
        started = time.perf_counter()
        value = call()
        seconds.append(time.perf_counter() - started)
        if _events().count == before:
            return value, sum(max(0.0, earlier - seconds[-1]) for earlier in seconds[:-1])
    raise RuntimeError(f"{_MAX_CALLS} calls with the same arguments each compiled something: a shape or a type varies")


class _Events:
    """Counts what JAX reports of tracing, lowering and compiling."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, event: str, duration_secs: float, **_: Any) -> None:
        self.count += event.startswith(_COMPILING)


@functools.cache
def _events() -> _Events:
    events = _Events()
    jax.monitoring.register_event_duration_secs_listener(events)
    return events
