"""The programs that a process holds: as many as there is room for, then those that were used least recently give way.

On the CPU a program lies in memory mappings of its own, a hundred for a step of `lite`. Linux grants a process 65,530
of them (vm.max_map_count), and XLA ends a process that asks for more. Images of some sixty sizes would come to that.
"""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, Generic, TypeVar

from cca_jax.compile_cache.private_jax import forget_programs

_MAPPINGS, _GRANTED = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")
_SHARE = 0.4
"""Of the mappings that a process is granted: others compile here, too."""
_MOST = 512
"""Programs, where mappings cannot be counted."""
FEWEST = 64
"""Programs that always stay: an image needs some thirty."""

Program = TypeVar("Program")


class HeldPrograms(Generic[Program]):
    """Programs by what they are for, in the order of their last use; safe in several threads."""

    def __init__(self) -> None:
        """Holds none."""
        self._held: collections.OrderedDict[Hashable, tuple[Callable[..., Any], Program | None]]
        self._held, self._lock = collections.OrderedDict(), threading.Lock()

    def get(self, key: Hashable) -> Program | None:
        """The program, which is now the last used; None where there is none, or JAX holds it."""
        with self._lock:
            if key not in self._held:
                return None
            self._held.move_to_end(key)
            return self._held[key][1]

    def put(self, key: Hashable, step: Callable[..., Any], program: Program | None) -> None:
        """Holds a program of a jitted step; None for one that JAX holds, which is counted alike."""
        with self._lock:
            is_new = key not in self._held
            self._held[key] = step, program
            self._held.move_to_end(key)
            if is_new and len(self._held) > FEWEST and crowded(len(self._held)):
                self._drop(max(FEWEST, len(self._held) // 2))

    def remove(self, key: Hashable) -> None:
        """Holds it no longer."""
        with self._lock:
            self._held.pop(key, None)

    def clear(self) -> None:
        """Holds none."""
        with self._lock:
            self._held.clear()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._held)

    def _drop(self, kept: int) -> None:
        steps = {}
        while len(self._held) > kept:
            _, (step, _) = self._held.popitem(last=False)
            steps[id(step)] = step
        for step in steps.values():  # JAX holds all that was compiled of a step, besides us
            forget_programs(step)


def crowded(count: int) -> bool:
    """Whether the process holds so many mappings, or programs, that some should go."""
    try:
        return _MAPPINGS.read_bytes().count(b"\n") > _SHARE * int(_GRANTED.read_text())
    except (OSError, ValueError):  # not Linux
        return count > _MOST
