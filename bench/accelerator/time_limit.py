"""An end after so many seconds, also in the middle of a compilation, which no signal interrupts."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

from cca_jax.cli.console import print_problem

EXIT_LATE = 124
"""As `timeout` says it, and `python -m train --time-limit`."""


@contextlib.contextmanager
def ended_after(seconds: float | None) -> Iterator[None]:
    """Within it, the process ends after so long with status 124, whatever it does; None for no limit.

    Nothing is cleaned up: only for what keeps its results in files that are whole at all times.
    """
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, _end, (seconds,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(seconds: float) -> None:
    print_problem(
        f"ended by --time-limit after {seconds:.0f} s; what was measured is kept: call the same command again"
    )
    os._exit(EXIT_LATE)
