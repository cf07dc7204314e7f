"""The compiled programs of this process by step and shapes, and their way from the store and to it.

A step that a rehearsal met (`cca_jax.codec.tiles.precompile`) has its program here: compiled, or read from where
another process left it, which takes no tracing. Any other is compiled by JAX where it is called. `held` bounds their
number.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import logging
import pickle
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple

import flax.linen
import jax
import numpy as np

from cca_jax.compile_cache.compilation import compile_anew
from cca_jax.compile_cache.device_errors import is_out_of_memory
from cca_jax.compile_cache.environment import compile_environment, settings
from cca_jax.compile_cache.held import HeldPrograms
from cca_jax.compile_cache.private_jax import load, serialize
from cca_jax.compile_cache.program_source import source_of
from cca_jax.compile_cache.store import ProgramStore, open_store

_log = logging.getLogger("cca_jax.compile_cache")
Step = Callable[..., Any]
"""A jitted function; of its arguments, modules and Python numbers are static."""


@dataclasses.dataclass(frozen=True)
class Signature:
    """What a program is compiled for.

    Attributes:
        step: its name.
        static: the arguments that are part of the program.
        tree: how the others are nested.
        leaves: shape and type of each array in them.
        settings: JAX's of the calling thread; None where they cannot be told.
    """

    step: str
    static: tuple[Any, ...]
    tree: Any
    leaves: tuple[tuple[tuple[int, ...], np.dtype], ...]
    settings: tuple[tuple[str, str], ...] | None

    @classmethod
    def of(cls, step: Step, arguments: tuple[Any, ...]) -> Signature:
        """Of a step and its arguments, arrays or shapes."""
        leaves, tree = jax.tree.flatten(_arrays(arguments))
        static = tuple(argument for argument in arguments if _is_static(argument))
        return cls(step.__name__, static, tree, tuple((leaf.shape, leaf.dtype) for leaf in leaves), settings())

    def key(self, step: Step) -> str | None:
        """Its step's name in the store, which differs wherever the program may; None where that cannot be known."""
        environment, source = compile_environment(), source_of(step, self.static)
        if environment is None or source is None or self.settings is None:
            return None
        identity = (self.static, str(self.tree), self.leaves, self.settings, environment, source)
        return f"cca_{self.step}-{hashlib.sha256(repr(identity).encode()).hexdigest()}"


class _Prepared(NamedTuple):
    """What a step gives, and its program once it is compiled or loaded."""

    shapes: Any
    program: Future[Any]


_programs: HeldPrograms[_Prepared] = HeldPrograms()


def prepare(step: Step, arguments: tuple[Any, ...], threads: Executor) -> Any:
    """Begins to compile a step, or to load its program, in a thread, unless that was done before.

    Args:
        step: what will be run.
        arguments: as it will be called, or shapes of such arrays.
        threads: where the work is done that needs no Python.

    Returns:
        The shapes of what the step gives.
    """
    signature = Signature.of(step, arguments)
    prepared = _programs.get(signature)
    if prepared is None:
        prepared = _prepare(step, arguments, signature, threads)
        _programs.put(signature, step, prepared)
    return prepared.shapes


def _prepare(step: Step, arguments: tuple[Any, ...], signature: Signature, threads: Executor) -> _Prepared:
    place = _place(step, signature)
    if place is not None and (kept := _read(*place)) is not None:
        shapes, (in_tree, out_tree), executable = kept
        device = jax.config.jax_default_device  # type: ignore[attr-defined]  # contexts do not reach threads
        return _Prepared(shapes, threads.submit(load, executable, in_tree, out_tree, device))
    lowered = step.lower(*arguments)  # type: ignore[attr-defined]  # all steps are jitted
    shapes = jax.tree.map(lambda output: jax.ShapeDtypeStruct(output.shape, output.dtype), lowered.out_info)
    return _Prepared(shapes, threads.submit(_compile, lowered, shapes, place))


def find(step: Step, arguments: tuple[Any, ...]) -> Callable[[], Any]:
    """A call of a step with these arguments, by its program where it was prepared, which is waited for here."""
    signature = Signature.of(step, arguments)
    prepared = _programs.get(signature)
    if prepared is None or jax.config.jax_disable_jit:  # type: ignore[attr-defined]
        _programs.put(signature, step, prepared)
        return functools.partial(step, *arguments)
    try:
        program = prepared.program.result()
    except Exception as error:
        _log.debug("%s: compiled anew: %r", signature.step, error)
        _forget(step, signature)
        return functools.partial(step, *arguments)

    def call() -> Any:
        try:
            return program(*_arrays(arguments))
        except Exception as error:
            if is_out_of_memory(error):  # the program is right, the memory too small
                raise
            # Compiled for what is not quite the same: JAX compiles it here, or says what is wrong.
            _log.debug("%s: compiled anew: %r", signature.step, error)
            _forget(step, signature)
            return step(*arguments)

    return call


def _forget(step: Step, signature: Signature) -> None:
    _programs.remove(signature)
    if (place := _place(step, signature)) is not None:
        store, key = place
        store.remove(key)


def _place(step: Step, signature: Signature) -> tuple[ProgramStore, str] | None:
    """Where its program is kept; None where none is."""
    store = open_store()
    key = None if store is None else signature.key(step)
    return None if store is None or key is None else (store, key)


def _read(store: ProgramStore, key: str) -> tuple[Any, tuple[Any, Any], bytes] | None:
    """Shapes, trees and executable of a program that `_compile` kept."""
    content = store.get(key)
    try:
        return None if content is None else pickle.loads(content)
    except Exception as error:  # whole, but not understood
        _log.debug("%s: is not understood, and removed: %r", key, error)
        store.remove(key)
        return None


def _compile(lowered: Any, shapes: Any, place: tuple[ProgramStore, str] | None) -> Any:
    if place is None:
        return lowered.compile()
    store, key = place
    started = time.perf_counter()
    program, is_new = compile_anew(lowered)
    if is_new and time.perf_counter() - started >= _least_seconds():
        kept = serialize(program)
        if kept is not None:  # not every device's programs can be
            executable, *trees = kept
            _keep(store, key, (shapes, trees, executable))
    return program


def _keep(store: ProgramStore, key: str, entry: tuple[Any, ...]) -> None:
    try:
        content = pickle.dumps(entry)
    except Exception as error:  # a tree of somebody's own class
        _log.debug("%s: cannot be kept: %r", key, error)
    else:
        store.put(key, content)


def _least_seconds() -> float:
    return jax.config.jax_persistent_cache_min_compile_time_secs  # type: ignore[attr-defined]


def _is_static(argument: Any) -> bool:
    return isinstance(argument, (int, flax.linen.Module))


def _arrays(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(argument for argument in arguments if not _is_static(argument))
