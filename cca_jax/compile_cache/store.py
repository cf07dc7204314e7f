"""Compiled programs on disk, in the folder of JAX's own compilation cache, ruled by the same variables and its limit.

JAX's cache is asked with a lowered program, which takes seconds of Python to make. Here programs are found by what they
are lowered from. What is read is run: like JAX's entries these are for a folder that only the user writes to.
"""

from __future__ import annotations

import contextlib
import hashlib

import jax

_DIGEST_BYTES = 32
_LOCK_SECONDS = 1.0
"""Who waits longer for another process to read or write an entry had better compile."""


class ProgramStore:
    """Bytes by their keys; what cannot be read or written is as if it were not there."""

    def __init__(self, folder: str, max_bytes: int) -> None:
        """Opens a folder.

        Args:
            folder: made if needed.
            max_bytes: what it may hold, JAX's own entries included; -1 for no limit.

        Raises:
            Exception: the folder is of no use.
        """
        from jax._src.lru_cache import LRUCache  # its file names: what is kept here counts in JAX's limit

        self._cache = LRUCache(folder, max_size=max_bytes, lock_timeout_secs=_LOCK_SECONDS)

    def get(self, key: str) -> bytes | None:
        """What `put` was given; None where there is nothing, or something else."""
        data = None
        with contextlib.suppress(Exception):  # a folder on a server that does not answer, a lock that is not released
            data = self._cache.get(key)
        if data is None:
            return None
        digest, content = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        if digest == _digest(key, content):
            return content
        self.remove(key)
        return None

    def put(self, key: str, content: bytes) -> None:
        """Keeps an entry, unless there is one of that key."""
        with contextlib.suppress(Exception):
            self._cache.put(key, _digest(key, content) + content)

    def remove(self, key: str) -> None:
        """Forgets an entry, so that it can be put anew."""
        with contextlib.suppress(OSError):
            (self._cache.path / f"{key}-cache").unlink()


def open_store() -> ProgramStore | None:
    """That of JAX's settings; None where JAX keeps no programs."""
    folder = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    if not folder or not jax.config.jax_enable_compilation_cache:  # type: ignore[attr-defined]
        return None
    try:
        return ProgramStore(folder, jax.config.jax_compilation_cache_max_size)  # type: ignore[attr-defined]
    except Exception:  # JAX itself goes on without its cache, too
        return None


def _digest(key: str, content: bytes) -> bytes:
    digest = hashlib.blake2b(key.encode() + b"\0", digest_size=_DIGEST_BYTES)
    digest.update(content)
    return digest.digest()
