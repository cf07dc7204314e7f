"""Compiling a lowered step so that its program can be kept.

An executable that JAX read from its own cache cannot be written once more: on the CPU it comes back without a part of
its functions (JAX 0.5.3), and fails when it runs. So JAX is not given what is kept here, and what it had is not kept.
"""

from __future__ import annotations

import functools
import threading
from typing import Any

from cca_jax.compile_cache.private_jax import call_on_cache_hits, keeping_nothing

_OPTIONS = {"xla_dump_max_hlo_modules": -1}
"""XLA's default, and so without effect, but not the options of a call of the step: JAX would else return, without
telling, the executable of such a call earlier in this process, which may be one that it read from its cache."""

_here = threading.local()


def compile_anew(lowered: Any) -> tuple[Any, bool]:
    """The program of a lowered step, and whether it was compiled here: only then may it be kept."""
    _listen()
    _here.hit = False
    with keeping_nothing():
        program = lowered.compile(compiler_options=_OPTIONS)
    return program, not _here.hit


@functools.cache
def _listen() -> None:
    call_on_cache_hits(_note_hit)


def _note_hit() -> None:
    _here.hit = True
