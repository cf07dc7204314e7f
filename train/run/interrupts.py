"""SIGTERM, Ctrl-C and a time limit: a run finishes its step, saves and ends."""

from __future__ import annotations

import signal
import time
from types import FrameType

_LATE = 124


class Interrupts:
    """Remembers the first signal that asks the process to end; a second one ends it at once.

    Attributes:
        signal: its number, or None.
        late: whether a run asked after the end of its time.

    Args:
        time_limit: seconds from now on; None for no limit.
    """

    def __init__(self, time_limit: float | None = None) -> None:
        self.signal: int | None = None
        self.late = False
        self._end = None if time_limit is None else time.monotonic() + time_limit

    def listen(self) -> None:
        """Takes over both signals; only possible in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        signal.signal(number, signal.SIG_DFL)

    @property
    def requested(self) -> bool:
        """Whether a signal has come or the time is over."""
        self.late = self.late or (self._end is not None and time.monotonic() >= self._end)
        return self.late or self.signal is not None

    @property
    def exit_status(self) -> int:
        """128 + the signal's number, as a shell would say it; 124 after the time limit, as `timeout` does; else 0."""
        if self.signal is not None:
            return 128 + self.signal
        return _LATE if self.late else 0
