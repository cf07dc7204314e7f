"""Pictures within archives: tar files, as WebDataset has them, and Parquet tables.

A member has a place of its own: `ARCHIVE.tar#MEMBER`, `TABLE.parquet#ROW`. It is read without the rest of its archive.
"""

from __future__ import annotations

import functools
import io
import posixpath
import tarfile
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from cca_jax import install_hint
from cca_jax.bulk.storage import stores

TAR, PARQUET = ".tar", ".parquet"
_MARK = "#"
_NAMES = ("__key__", "key", "name", "file_name", "filename", "path", "id")
"""Columns of a table that may name its pictures."""
_CONTENTS = ("bytes", "image", "jpg", "jpeg", "png", "webp", "content")
"""Columns that may hold them: bytes, or as Hugging Face's datasets have it, {bytes, path}."""

_reading = threading.Lock()  # one table is not to be read by several threads


class Member(NamedTuple):
    """A picture within an archive.

    Attributes:
        place: of it.
        name: a file name, with "/" between folders.
    """

    place: str
    name: str


def is_archive(place: str) -> bool:
    """Whether a place is one of an archive, by its name."""
    return place.lower().endswith((TAR, PARQUET))


def split(place: str) -> tuple[str, str] | None:
    """The archive and the member of a member's place; None for any other place."""
    for ending in (TAR, PARQUET):
        head, mark, member = place.partition(ending + _MARK)
        if mark:
            return head + ending, member
    return None


def members(archive: str, suffixes: tuple[str, ...]) -> Iterator[Member]:
    """The pictures of an archive, in its order: members of a tar that end so, or all rows of a table.

    Raises:
        ValueError: it is no such archive, or a table without a column of pictures.
        OSError, ImportError: as for `stores.read`.
    """
    if archive.lower().endswith(TAR):
        for name in _tar_index(archive):
            if name.lower().endswith(suffixes) and not posixpath.basename(name).startswith("."):
                yield Member(f"{archive}{_MARK}{name}", name)
        return
    for number, name in enumerate(_names(archive)):
        yield Member(f"{archive}{_MARK}{number}", name)


def read_member(archive: str, member: str) -> bytes:
    """The content of a member.

    Raises:
        FileNotFoundError: the archive has no such member.
        ValueError, OSError, ImportError: as for `members`.
    """
    if archive.lower().endswith(TAR):
        found = _tar_index(archive).get(member)
        if found is None:
            raise FileNotFoundError(f"{archive}: has no member {member}")
        with stores.open_file(archive) as file:
            file.seek(found[0])
            return file.read(found[1])
    with _reading:
        row, table = int(member), _table(archive)
        for group in range(table.num_row_groups):
            rows = table.metadata.row_group(group).num_rows
            if row < rows:
                return _content(_row_group(archive, group)[row].as_py())
            row -= rows
    raise FileNotFoundError(f"{archive}: has no row {member}")


@functools.lru_cache(maxsize=16)
def _tar_index(archive: str) -> dict[str, tuple[int, int]]:
    """Where the content of each file in a tar begins, and its length; of the last of one name, as tar has it."""
    try:
        with stores.open_file(archive) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            return {posixpath.normpath(one.name): (one.offset_data, one.size) for one in tar if one.isreg()}
    except tarfile.TarError as error:
        raise ValueError(f"{archive}: is no tar file, or a compressed one: {error}") from error


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(f"Parquet tables need pyarrow: {install_hint('ray')}") from error
    return pyarrow.parquet


@functools.lru_cache(maxsize=4)
def _table(archive: str) -> Any:
    try:
        return _parquet().ParquetFile(io.BytesIO(stores.read(archive)) if stores.is_url(archive) else archive)
    except ValueError as error:  # pyarrow's own are among these
        raise ValueError(f"{archive}: is no Parquet table: {error}") from error


def _column(archive: str, wanted: tuple[str, ...]) -> str | None:
    names = _table(archive).schema_arrow.names
    return next((name for name in wanted if name in names), None)


@functools.lru_cache(maxsize=4)
def _row_group(archive: str, group: int) -> Any:
    column = _column(archive, _CONTENTS)
    if column is None:
        raise ValueError(f"{archive}: has no column of pictures: name one {', '.join(_CONTENTS)}")
    return _table(archive).read_row_group(group, columns=[column])[column]


def _names(archive: str) -> Iterator[str]:
    """A file name for each row: the table's own, or the row's number."""
    if _column(archive, _CONTENTS) is None:
        _row_group(archive, 0)  # which says what is missing
    column, stem = _column(archive, _NAMES), posixpath.basename(archive)[: -len(PARQUET)]
    if column is None:
        yield from (f"{stem}-{number:08}.png" for number in range(_table(archive).metadata.num_rows))
        return
    for group in range(_table(archive).num_row_groups):
        for value in _table(archive).read_row_group(group, columns=[column])[column]:
            yield str(value.as_py())


def _content(value: Any) -> bytes:
    content = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(content, bytes):
        raise ValueError("the table holds no bytes of a picture here")
    return content
