"""A bound on the memory of images that are coded side by side."""

from __future__ import annotations

import contextlib
import os

BYTES_PER_PIXEL = 1500
"""What coding holds for each pixel that is computed at once; `paper` takes 1400, `lite` 1100.

docs/evaluation/performance.md has the figures.
"""
_LEAST_PIXELS = 1 << 20


def pixels_at_once() -> int:
    """How many pixels may be coded at once in half of the memory that is free now, at least a megapixel."""
    return max(_LEAST_PIXELS, _free_bytes() // 2 // BYTES_PER_PIXEL)


def _free_bytes() -> int:
    """Of the machine, or of this process's control group where that has less; a gigabyte where nobody says."""
    found = []
    with contextlib.suppress(OSError, ValueError, StopIteration):
        with open("/proc/meminfo") as file:
            line = next(line for line in file if line.startswith("MemAvailable:"))
        found.append(1024 * int(line.split()[1]))
    with contextlib.suppress(OSError, ValueError):  # "max" is no number: no limit
        limit, used = (int(_read(f"/sys/fs/cgroup/memory.{name}")) for name in ("max", "current"))
        found.append(max(0, limit - used))
    with contextlib.suppress(ValueError, OSError, AttributeError):
        found = found or [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2]
    return min(found, default=1 << 30)


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()
