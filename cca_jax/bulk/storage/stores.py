"""Files by their place: a path of this machine, or a URL of a store that fsspec knows (s3://, gs://, memory://)."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from cca_jax import install_hint
from cca_jax.bulk.storage import streams
from cca_jax.image_io.files import write_atomically

_DIGEST_BYTES = 16


class State(NamedTuple):
    """What a place says of a file without its being read.

    Attributes:
        size: bytes; None where that takes reading it.
        version: differs where the file was written again; None where the store has no such thing.
    """

    size: int | None
    version: str | None


def digest(data: bytes) -> str:
    """Of a file's content."""
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def is_url(place: str) -> bool:
    """Whether a place is in a store."""
    return "://" in place


def join(folder: str, name: str) -> str:
    """The place of a name in a folder."""
    return posixpath.join(folder, name) if is_url(folder) else os.path.join(folder, name)


def parent(place: str) -> str:
    """The folder of a place; "" for a bare name."""
    return posixpath.dirname(place) if is_url(place) else os.path.dirname(place)


def state(place: str) -> State | None:
    """What is known of a file; None where there is none.

    Raises:
        OSError: the place cannot be reached.
        ImportError: fsspec, or what it needs for this kind of store, is not installed.
    """
    if not is_url(place):
        try:
            found = os.stat(place)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return State(found.st_size, str(found.st_mtime_ns))
    store, path = _store(place)
    try:
        info = store.info(path)
    except FileNotFoundError:
        return None
    version = next((info[key] for key in ("ETag", "etag", "md5Hash", "mtime", "LastModified") if info.get(key)), None)
    return State(int(info["size"]), None if version is None else str(version))


def read(place: str) -> bytes:
    """A file's content; errors as for `state`, and FileNotFoundError."""
    if place == streams.STANDARD:
        return streams.standard_input().read()
    if not is_url(place):
        return Path(place).read_bytes()
    store, path = _store(place)
    return store.cat_file(path)


def open_file(place: str) -> BinaryIO:
    """A file to be read in part; errors as for `read`."""
    if not is_url(place):
        return open(place, "rb")
    store, path = _store(place)
    return store.open(path, "rb")


def write(place: str, data: bytes) -> None:
    """Writes a file, whole or not at all; its folder is made in a store, and must exist elsewhere. Also to pipes.

    Raises:
        ValueError, OSError: it cannot be written.
        ImportError: as for `state`.
    """
    if not is_url(place):
        (streams.write if streams.is_pipe(place) else write_atomically)(place, data)
        return
    store, path = _store(place)
    store.makedirs(posixpath.dirname(path), exist_ok=True)
    store.pipe_file(path, data)


def make_folder(folder: str) -> None:
    """Makes a folder of this machine and those above it; a store makes its own.

    Raises:
        OSError: it cannot be made.
    """
    if not is_url(folder):
        os.makedirs(folder or ".", exist_ok=True)


def find(folder: str, suffixes: Iterable[str], is_wanted: Callable[[str], bool] | None = None) -> list[str]:
    """The names, with "/" between folders, of the visible files at any depth that are wanted, sorted.

    Args:
        folder: where to look.
        suffixes: endings of what is wanted.
        is_wanted: judges another file of this machine by its path; a store's files are judged by their names alone.

    Raises:
        FileNotFoundError: there is no such folder.
        OSError, ImportError: as for `state`.
    """
    endings = tuple(suffixes)
    if is_url(folder):
        store, path = _store(folder)
        root = path.rstrip("/")
        if not store.isdir(root):
            raise FileNotFoundError(f"{folder}: there is no such folder")
        names = [found[len(root) :].lstrip("/") for found in store.find(root)]
    else:
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"{folder}: there is no such folder")
        names = [
            os.path.relpath(os.path.join(parent, name), folder).replace(os.sep, "/")
            for parent, _, files in os.walk(folder)
            for name in files
        ]
    visible = (name for name in names if not any(part.startswith(".") for part in name.split("/")))
    judge = None if is_url(folder) else is_wanted
    return sorted(
        name
        for name in visible
        if name.lower().endswith(endings) or (judge is not None and judge(os.path.join(folder, name)))
    )


def _store(place: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise ImportError(f"{place}: a store's files need fsspec: {install_hint('ray')}") from error
    return url_to_fs(place)
