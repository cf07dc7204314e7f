"""All that the library takes of JAX without JAX promising it; nothing else imports `jax._src`.

Known to work with JAX 0.5.3, 0.10.2, 0.11.2 and 0.12.0.1. Where a version lacks one of these, what its function says is
done instead, and said at debug level: programs are then compiled more often, and never wrong ones run.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import filelock
import jax
from jax.experimental import serialize_executable

_log = logging.getLogger("cca_jax.compile_cache")
_OPEN = "get_file_cache"
_HIT = "/jax/compilation_cache/cache_hits"
_ENTRY, _USED, _LOCK = "-cache", "-atime", ".lockfile"
"""Names in the folder of JAX's own cache: an entry and, where the folder has a limit, when it was last used."""


class BytesCache(Protocol):
    """What JAX asks of a cache."""

    def get(self, key: str) -> bytes | None:
        """What was put, or None."""

    def put(self, key: str, content: bytes) -> None:
        """Keeps it."""


def _private(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(f"jax._src.{module}"), name)
    except (ImportError, AttributeError) as error:
        _log.debug("JAX %s has no %s.%s: %s", jax.__version__, module, name, error)
        return None


def settings() -> dict[str, Any] | None:
    """JAX's settings of the calling thread, as contexts left them; None where they cannot be read."""
    values = getattr(jax.config, "values", None)
    return dict(values) if isinstance(values, dict) else None


def keeping_nothing() -> contextlib.AbstractContextManager[Any]:
    """In it, JAX writes nothing that this thread compiles to its cache; it does where it cannot be told."""
    setting = _private("config", "persistent_cache_min_compile_time_secs")
    return contextlib.nullcontext() if setting is None else setting(math.inf)


def call_on_cache_hits(function: Callable[[], None]) -> None:
    """From now on calls the function, in the thread that compiles, where JAX finds a program in its cache."""

    def note(event: str, **_: Any) -> None:
        if event == _HIT:
            function()

    jax.monitoring.register_event_listener(note)


def serialize(program: Any) -> tuple[bytes, Any, Any] | None:
    """A compiled program as bytes and the trees of what goes in and out; None where it cannot be kept."""
    try:
        return serialize_executable.serialize(program)
    except (ValueError, NotImplementedError, RuntimeError, AttributeError, TypeError) as error:
        _log.debug("a program cannot be kept: %r", error)
        return None


def load(executable: bytes, in_tree: Any, out_tree: Any, device: Any) -> Any:
    """The program of `serialize`, for a device, a platform's first one by its name, or None for the default one.

    Raises:
        Exception: whatever is wrong with it.
    """
    if not isinstance(device, jax.Device):
        device = jax.local_devices(backend=device)[0]
    function: Callable[..., Any] = serialize_executable.deserialize_and_load
    if "execution_devices" in inspect.signature(function).parameters:  # JAX 0.6 and later load for all devices else
        function = functools.partial(function, execution_devices=[device])
    return function(executable, in_tree, out_tree, device.client)


def forget_programs(step: Callable[..., Any]) -> None:
    """JAX holds the programs of a jitted function no longer; those that others hold stay."""
    try:
        step.clear_cache()  # type: ignore[attr-defined]
    except AttributeError as error:
        _log.debug("JAX %s keeps the programs of %r: %s", jax.__version__, step, error)


def replace_cache(open_cache: Callable[[], BytesCache | None]) -> bool:
    """Makes JAX keep its programs elsewhere, from the first that it compiles in this process.

    JAX's own cache of a limited size stops writing for ever once a process was killed between an entry's two files
    (before 0.11.2), reads a truncated entry as a warning each time, and waits ten seconds for a lock.

    Args:
        open_cache: opens the cache; None does without.

    Returns:
        Whether it will; else JAX's own cache stays.
    """
    interface, own = _private("compilation_cache_interface", "CacheInterface"), _private("compilation_cache", _OPEN)
    if interface is None or own is None:
        return False

    class Cache(interface):  # type: ignore[misc, valid-type]
        def __init__(self, cache: BytesCache, folder: str) -> None:
            self._cache, self._path = cache, Path(folder)

        def get(self, key: str) -> bytes | None:
            return self._cache.get(key)

        def put(self, key: str, value: bytes) -> None:
            self._cache.put(key, value)

    def get_file_cache(folder: str) -> Any:
        cache = open_cache()
        return None if cache is None else (Cache(cache, folder), folder)

    setattr(importlib.import_module("jax._src.compilation_cache"), _OPEN, get_file_cache)
    return True


def mend_own_cache(folder: Path) -> None:
    """Mends JAX's own cache in a folder with a limit, where a process was killed between an entry's two files.

    A whole entry gets its second file, another is removed. Entries that are being written now are left alone.
    """
    try:
        halves = [path for path in folder.glob(f"*{_ENTRY}") if not _used(path).exists()]
        if halves:
            with filelock.FileLock(folder / _LOCK, timeout=0):
                for path in halves:
                    _mend(path)
    except (OSError, filelock.Timeout) as error:
        _log.debug("%s: not mended: %r", folder, error)


def _used(entry: Path) -> Path:
    return entry.with_name(entry.name.removesuffix(_ENTRY) + _USED)


def _mend(entry: Path) -> None:
    if not entry.exists() or _used(entry).exists():
        return
    decompress = _private("compilation_cache", "decompress_executable")
    try:
        whole = decompress is not None and bool(decompress(entry.read_bytes()))
    except Exception as error:  # zlib's or zstandard's own
        _log.debug("%s: is not whole: %r", entry, error)
        whole = False
    if whole:
        _used(entry).write_bytes(entry.stat().st_mtime_ns.to_bytes(8, "little"))
    else:
        entry.unlink()
