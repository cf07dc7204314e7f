"""SIGTERM and Ctrl-C: a run finishes its step, saves and ends."""

from __future__ import annotations

import signal
from types import FrameType


class Interrupts:
    """Remembers the first signal that asks the process to end; a second one ends it at once.

    Attributes:
        signal: its number, or None.
    """

    def __init__(self) -> None:
        self.signal: int | None = None

    def listen(self) -> None:
        """Takes over both signals; only possible in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        signal.signal(number, signal.SIG_DFL)

    @property
    def requested(self) -> bool:
        """Whether a signal has come."""
        return self.signal is not None

    @property
    def exit_status(self) -> int:
        """128 + the signal's number, as a shell would say it; 0 without a signal."""
        return 128 + self.signal if self.signal is not None else 0
