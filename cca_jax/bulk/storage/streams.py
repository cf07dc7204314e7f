"""Standard input and output, and pipes, as places."""

from __future__ import annotations

import os
import stat
import sys
from typing import BinaryIO

STANDARD = "-"
"""The place of standard input where it is read, of standard output where it is written; "./-" is a file."""


def title(place: str) -> str:
    """What messages call an input."""
    return "standard input" if place == STANDARD else place


def is_pipe(place: str) -> bool:
    """Whether a place is standard input or output, a pipe or a device, which is read or written but once."""
    if place == STANDARD:
        return True
    try:
        mode = os.stat(place).st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def standard_input() -> BinaryIO:
    """Standard input, for bytes."""
    return sys.stdin.buffer


def write(place: str, data: bytes) -> None:
    """Writes to standard output, a pipe or a device.

    Raises:
        OSError: it cannot be written to, or nobody reads it.
    """
    if place == STANDARD:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    with open(place, "wb") as pipe:
        pipe.write(data)
