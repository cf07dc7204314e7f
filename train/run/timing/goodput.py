"""Where a run's wall time goes: goodput is the share of it in which steps are done.

Compilation is found by JAX's own events wherever it happens, in a validation too. Waiting for photos counts only where
the device has nothing left to do (`train.run.timing.data_wait`). What is not counted as anything else is steps.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Iterator

import jax.monitoring

STEPS, COMPILATION, DATA, VALIDATION, CHECKPOINTS, START = (
    "steps", "compilation", "data", "validation", "checkpoints", "start"
)  # fmt: skip
_COMPILED = "/jax/core/compile/backend_compile_duration"
_compiled = [0.0]


@functools.cache
def _listen() -> None:
    """JAX keeps its listeners for the life of the process: this one is added once."""

    def heard(event: str, duration_secs: float, **details: str | int) -> None:
        _compiled[0] += duration_secs if event == _COMPILED else 0.0

    jax.monitoring.register_event_duration_secs_listener(heard)


class Goodput:
    """Seconds by activity, from its making on.

    Attributes:
        seconds: by activity; without those of steps.
    """

    def __init__(self) -> None:
        _listen()
        self.seconds = dict.fromkeys((COMPILATION, DATA, VALIDATION, CHECKPOINTS, START), 0.0)
        self._begun = time.monotonic()

    @contextlib.contextmanager
    def spent(self, activity: str) -> Iterator[None]:
        """Counts the time within for an activity, less what is counted for others meanwhile."""
        begun, others, compiled = time.monotonic(), sum(self.seconds.values()), _compiled[0]
        try:
            yield
        finally:
            elapsed = time.monotonic() - begun - (sum(self.seconds.values()) - others)
            compiling = min(elapsed, _compiled[0] - compiled)
            self.seconds[COMPILATION] += compiling
            self.seconds[activity] += elapsed - compiling

    def started(self) -> None:
        """All so far was the run's start, less what was counted already."""
        self.seconds[START] = time.monotonic() - self._begun - sum(self.seconds.values())

    def shares(self) -> tuple[float, dict[str, float]]:
        """Seconds in all, and the share of each activity, steps first; they add up to 1."""
        total = max(time.monotonic() - self._begun, 1e-9)
        known = {name: min(1.0, seconds / total) for name, seconds in self.seconds.items()}
        return total, {STEPS: max(0.0, 1.0 - sum(known.values())), **known}
