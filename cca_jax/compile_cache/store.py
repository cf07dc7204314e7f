"""Compiled programs on disk, in the folder and within the limit of JAX's own settings: one file a program.

A file appears whole or not at all and begins with a digest of the rest, so a process may be killed at any moment, and
many may read and write at once without a lock. The programs that were used least recently give way. JAX's own programs
are kept here too where `jax_cache.keep_compiled_programs` was called; elsewhere JAX has its own files in the folder,
which do not count here.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import secrets
import time
from pathlib import Path

import jax

from cca_jax.compile_cache.folder import private_folder
from cca_jax.compile_cache.private_jax import mend_own_cache

SUFFIX = ".program"
_PART = ".part"
_PART_SECONDS = 3600.0
"""A part that is older is of a process that was killed."""
_DIGEST_BYTES = 32
_NO_LIMIT = -1
_log = logging.getLogger("cca_jax.compile_cache")


class ProgramStore:
    """Bytes by their keys; what cannot be read or written is as if it were not there, and said at debug level."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Opens a folder.

        Args:
            folder: exists, and only its user can write to it.
            max_bytes: what its programs may take; -1 for no limit.
        """
        self._folder, self._max_bytes = folder, max_bytes

    def get(self, key: str) -> bytes | None:
        """What `put` was given; None where there is nothing, or something else."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            _log.debug("%s: cannot be read: %r", path, error)
            return None
        if data[:_DIGEST_BYTES] != _digest(key, data[_DIGEST_BYTES:]):
            _log.debug("%s: is damaged, and removed", path)
            self.remove(key)
            return None
        try:
            os.utime(path)
        except OSError as error:  # a folder to read alone: nothing gives way there
            _log.debug("%s: its use is not noted: %r", path, error)
        return data[_DIGEST_BYTES:]

    def put(self, key: str, content: bytes) -> None:
        """Keeps an entry."""
        data = _digest(key, content) + content
        try:
            if self._make_room(len(data)):
                self._write(self._path(key), data)
        except (OSError, ValueError) as error:
            _log.debug("%s: not kept: %r", key, error)

    def remove(self, key: str) -> None:
        """Forgets an entry."""
        try:
            self._path(key).unlink(missing_ok=True)
        except (OSError, ValueError) as error:
            _log.debug("%s: not removed: %r", key, error)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{SUFFIX}"

    def _write(self, path: Path, data: bytes) -> None:
        part = self._folder / f"{secrets.token_hex(8)}{_PART}"
        try:
            with open(part, "xb") as file:
                file.write(data)
            os.replace(part, path)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise

    def _make_room(self, needed: int) -> bool:
        """Removes what is left of killed processes, and programs until there is room; whether there is."""
        programs, now = [], time.time()
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # another process was faster
                    if entry.name.endswith(SUFFIX):
                        programs.append((entry.stat().st_mtime_ns, entry.stat().st_size, entry.path))
                    elif entry.name.endswith(_PART) and now - entry.stat().st_mtime > _PART_SECONDS:
                        os.unlink(entry.path)
        if self._max_bytes == _NO_LIMIT:
            return True
        if needed > self._max_bytes:
            _log.debug("%s: a program of %d bytes is over the limit of %d", self._folder, needed, self._max_bytes)
            return False
        held = sum(size for _, size, _ in programs)
        for _, size, path in sorted(programs):
            if held + needed <= self._max_bytes:
                break
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            held -= size
        return True


def open_store() -> ProgramStore | None:
    """That of JAX's settings; None where JAX keeps no programs, or none in a folder of this user's alone."""
    folder = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    if not folder or not jax.config.jax_enable_compilation_cache:  # type: ignore[attr-defined]
        return None
    if "://" in folder:
        _log.debug("%s: is on no disk of this machine", folder)
        return None
    place = private_folder(folder)
    if place is None:
        return None
    max_bytes = jax.config.jax_compilation_cache_max_size  # type: ignore[attr-defined]
    if max_bytes != _NO_LIMIT:
        _mend(place)
    return ProgramStore(place, max_bytes)


@functools.cache  # once a process
def _mend(folder: Path) -> None:
    mend_own_cache(folder)


def _digest(key: str, content: bytes) -> bytes:
    digest = hashlib.blake2b(key.encode() + b"\0", digest_size=_DIGEST_BYTES)
    digest.update(content)
    return digest.digest()
