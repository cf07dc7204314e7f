"""Compiling a lowered step so that its program can be kept.

An executable that JAX read from its own cache cannot be written once more: on the CPU it comes back without a part of
its functions (JAX 0.5.3), and fails when it runs. So JAX is not given what is kept here, and what it had is not kept.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import math
import threading
from typing import Any

import jax

_setting: Any = None  # JAX's own least time of a program that it keeps, which can be set for a thread, not for all
with contextlib.suppress(ImportError, AttributeError):
    _setting = importlib.import_module("jax._src.config").persistent_cache_min_compile_time_secs
_HIT = "/jax/compilation_cache/cache_hits"
_here = threading.local()


def compile_anew(lowered: Any) -> tuple[Any, bool]:
    """The program of a lowered step, and whether it was compiled here: only then may it be kept."""
    _listen()
    _here.hit = False
    # Without the setting JAX keeps the program, too; once this package has changed, it is then not kept here.
    with contextlib.nullcontext() if _setting is None else _setting(math.inf):
        program = lowered.compile()
    return program, not _here.hit


@functools.cache
def _listen() -> None:
    def note(event: str, **_: Any) -> None:
        if event == _HIT:
            _here.hit = True

    jax.monitoring.register_event_listener(note)
