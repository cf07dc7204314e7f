"""The C library's allocator, told to keep what a training step gives back.

XLA takes a step's temporary memory, hundreds of megabytes, from malloc and returns it when the step ends. The GNU C
library then hands it back to the system, and the next step faults every page in again, zeroed: a fifth of the time of
a step of preset `lite` on the CPU (docs/evaluation/performance.md). Of an accelerator's memory it knows nothing.
"""

from __future__ import annotations

import ctypes
import sys

# Parameters of mallopt(3), from malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
_NEVER = -1


def keep_freed_memory() -> None:
    """Keeps freed memory in this process, for its next allocations; where the C library is another one, does nothing.

    To be called before threads are started: those that have begun to allocate keep arenas of their own. The process
    then holds its peak, or somewhat more, until it ends.
    """
    if not sys.platform.startswith("linux"):
        return
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        # Large blocks from the heap, not from maps of their own; the heap never shrinks; and there is one.
        for parameter, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER), (_ARENA_MAX, 1)):
            set_option(parameter, value)
