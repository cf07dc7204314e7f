"""SIGTERM, Ctrl-C and a time limit: a run finishes its step, saves and ends.

Processes of one run must end after the same step. They do not ask each other after each: JAX's preemption service
listens for SIGTERM in every process. Where one gets it, all agree in the background on a step that none has reached.
"""

from __future__ import annotations

import os
import signal
import time
from types import FrameType

import jax
from jax.experimental import multihost_utils

EXIT_LATE = 124


class Interrupts:
    """Remembers the first signal that asks the process to end; a second one ends it at once.

    Attributes:
        signal: its number, or None.
        late: whether a run asked after the end of its time.
        told: whether the processes of a run have agreed to end.

    Args:
        time_limit: seconds from now on; None for no limit.
    """

    def __init__(self, time_limit: float | None = None) -> None:
        self.signal: int | None = None
        self.late = False
        self.told = False
        self._passed_on = False
        self._end = None if time_limit is None else time.monotonic() + time_limit

    def listen(self) -> None:
        """Takes over both signals; of one process of several Ctrl-C alone. Only possible in the main thread."""
        for number in (signal.SIGINT,) if jax.process_count() > 1 else (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        signal.signal(number, signal.SIG_DFL)

    @property
    def requested(self) -> bool:
        """Whether a signal has come or the time is over."""
        self.late = self.late or (self._end is not None and time.monotonic() >= self._end)
        return self.late or self.signal is not None

    def agreed(self, call: int) -> bool:
        """Whether all processes of the run end now.

        Args:
            call: of this function, counted from 1: all processes make as many.
        """
        if jax.process_count() == 1:
            return self.requested
        if self.requested and not self._passed_on:
            os.kill(os.getpid(), signal.SIGTERM)  # to JAX's own handler, which tells the others
            self._passed_on = True
        self.told = self.told or multihost_utils.reached_preemption_sync_point(call)
        return self.told

    @property
    def reason(self) -> str:
        """What ended the run, for the line that says so."""
        return "--time-limit" if self.exit_status == EXIT_LATE else "a signal"

    @property
    def exit_status(self) -> int:
        """128 + the signal's number, as a shell would say it; 124 after the time limit, as `timeout` does; else 0.

        A process that ends because another was asked to ends as after SIGTERM.
        """
        if self.signal is None and self.late:
            return EXIT_LATE
        number = signal.SIGTERM if self.signal is None and self.told else self.signal
        return 0 if number is None else 128 + number
