"""What a command line names, as items: files, folders at any depth, lists, archives, and stores of all these."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from cca_jax.bulk.storage import archives, stores
from cca_jax.bulk.work import Item

_LISTS = (".txt", ".list", ".lst")


class Source(NamedTuple):
    """An input and what it is called.

    Attributes:
        place: of the file.
        name: within the folder, list or archive that it was named by, with "/" between folders.
    """

    place: str
    name: str


def is_plain(place: str) -> bool:
    """Whether a place is a file or folder of this machine, neither a list nor an archive nor within one."""
    within = archives.is_archive(place) or archives.split(place) is not None
    return not stores.is_url(place) and not place.lower().endswith(_LISTS) and not within


def expand(
    paths: Iterable[str], suffixes: Iterable[str], is_wanted: Callable[[str], bool] | None = None
) -> Iterator[Source]:
    """The inputs that places stand for.

    Args:
        paths: files; folders, for the files in them at any depth that end in one of `suffixes`; lists (.txt) of any of
            these, one a line, relative to the list; archives (.tar, .parquet).
        suffixes: lower-case endings with their dot.
        is_wanted: judges a folder's other files, see `stores.find`.

    Raises:
        FileNotFoundError: a folder, list or archive is missing, or holds no such file.
        ValueError, OSError, ImportError: it cannot be read.
    """
    endings = tuple(suffixes)
    for path in paths:
        if path.lower().endswith(_LISTS):
            yield from _listed(path, endings, is_wanted)
        elif archives.is_archive(path):
            yield from _some(path, (Source(*member) for member in archives.members(path, endings)))
        elif (not stores.is_url(path) and os.path.isdir(path)) or (
            stores.is_url(path) and not path.lower().endswith(endings)
        ):
            names = stores.find(path, endings, is_wanted)
            yield from _some(path, (Source(stores.join(path, name), name) for name in names))
        else:
            yield Source(path, posixpath.basename(path.replace(os.sep, "/")))


def _some(path: str, found: Iterable[Source]) -> Iterator[Source]:
    empty = True
    for source in found:
        empty = False
        yield source
    if empty:
        raise FileNotFoundError(f"{path}: holds no file of the wanted kind")


def _listed(path: str, endings: tuple[str, ...], is_wanted: Callable[[str], bool] | None) -> Iterator[Source]:
    folder = stores.parent(path)
    try:
        lines = stores.read(path).decode().splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no list of paths, one a line: {error}") from error
    named = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not named:
        raise FileNotFoundError(f"{path}: lists no file")
    for line in named:
        whole = line if stores.is_url(line) or os.path.isabs(line) else stores.join(folder, line)
        if stores.is_url(line) or os.path.isabs(line) or ".." in line.split("/"):
            yield from expand([whole], endings, is_wanted)
        else:  # what is relative keeps its folders
            for place, name in expand([whole], endings, is_wanted):
                is_folder = place != whole and archives.split(place) is None
                above = line if is_folder else posixpath.dirname(line)
                yield Source(place, posixpath.join(above, name))


def items_of(sources: Iterable[Source], folder: str, suffix: str) -> Iterator[Item]:
    """What to make of inputs, in a folder that mirrors their names.

    Args:
        sources: the inputs; what is named twice is done once.
        folder: of the outputs.
        suffix: that replaces an input's, with its dot.

    Raises:
        ValueError: two outputs would be one file, or one would lie outside the folder.
    """
    taken: dict[str, str] = {}
    for source in sources:
        name = posixpath.normpath(posixpath.splitext(source.name)[0].lstrip("/") + suffix)
        if name.startswith("../"):
            raise ValueError(f"{source.place}: its output {name} would lie outside {folder}")
        earlier = taken.get(name)
        if earlier is None:
            taken[name] = source.place
            yield Item(source.place, folder, name)
        elif earlier != source.place:
            raise ValueError(f"{stores.join(folder, name)}: {earlier} and {source.place} would both be written to it")
