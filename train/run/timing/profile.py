"""`--profile`: a trace of a window of steps, which TensorBoard's XProf shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import jax

from train.recipe.trace_window import TraceWindow

FOLDER = "profile"


class Profile:
    """Traces a window of a run's steps; a context manager that ends a trace which is still being taken.

    Args:
        window: None for none.
        folder: the run's; the trace goes to its `profile/`.
        first: steps done before this process began.
        tell: called with a line about the trace.
    """

    def __init__(self, window: TraceWindow | None, folder: Path, first: int, tell: Callable[[str], None]) -> None:
        self._folder, self._tell = folder / FOLDER, tell
        self._begin = None if window is None else first + window.skip
        self._end = None if window is None else first + window.skip + window.steps
        self._from: int | None = None

    def before(self, step: int) -> None:
        """To be called before the step that follows number `step`."""
        if self._begin is not None and self._from is None and step >= self._begin:
            self._from, self._begin = step, None
            jax.profiler.start_trace(str(self._folder))

    def after(self, step: int, result: Any) -> bool:
        """To be called after number `step`, whose result is waited for at the end of the window: is this the end?"""
        if self._from is not None and self._end is not None and step >= self._end:
            jax.block_until_ready(result)
            self._stop(self._from + 1, step)
            return True
        return False

    def _stop(self, first: int, last: int) -> None:
        jax.profiler.stop_trace()
        self._tell(f"trace of steps {first} to {last} in {self._folder}: tensorboard --logdir {self._folder}")
        self._from = None

    def finish(self, step: int) -> None:
        """At the end of the run, after number `step`."""
        if self._from is not None:
            self._stop(self._from + 1, step)
        elif self._begin is not None:
            self._tell(f"warning: no trace: --profile begins after step {self._begin}, and the run ended at {step}")

    def __enter__(self) -> Profile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._from is not None:
            jax.profiler.stop_trace()
