"""The most memory that this process held during a call, where the system can tell (Linux).

It is resident memory of the whole process: interpreter, libraries, weights and compiled programs are in it; memory of a
GPU and of other programs is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Value = TypeVar("Value")

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_RESET_PEAK = "5"


def with_peak(call: Callable[[], Value]) -> tuple[Value, int | None]:
    """What a call returns, and the most memory that the process held meanwhile.

    Returns:
        The value, and bytes; None where the system does not say.
    """
    try:
        _CLEAR.write_text(_RESET_PEAK)
    except OSError:
        return call(), None
    value = call()
    peak = re.search(r"^VmHWM:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    return value, None if peak is None else 1024 * int(peak[1])
