"""Whether a folder may hold programs: what is read from it is run, so nobody else may write to it."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

_log = logging.getLogger("cca_jax.compile_cache")


def private_folder(name: str | Path) -> Path | None:
    """The folder, links followed, made for this user alone where there is none.

    Returns:
        None, said at debug level, where it cannot be made or others can write to it.
    """
    folder = Path(name).absolute()
    try:
        _make(folder)
        real = folder.resolve(strict=True)
        reason = None if os.name != "posix" else _others_can_write(real, {*folder.parents, *real.parents})
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        reason = repr(error)
    if reason is None:
        return real
    _log.debug("%s: no programs are kept there or read from there: %s", folder, reason)
    return None


def _make(folder: Path) -> None:
    if folder.is_dir():
        return
    for parent in reversed(folder.parents):
        parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def _others_can_write(folder: Path, above: set[Path]) -> str | None:
    """Who else can put something there, in a few words; None where nobody can. The administrator may do anything."""
    state = folder.stat()
    if state.st_uid not in (os.geteuid(), 0):
        return f"it belongs to user {state.st_uid}"
    if state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"others can write to it (mode {stat.S_IMODE(state.st_mode):o})"
    for parent in above:
        mode = parent.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return f"everybody can put another in its place in {parent}"
    return None
