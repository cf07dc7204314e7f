"""Torch's files, the zip archives of today and the rows of pickles before them, read without torch."""

from __future__ import annotations

import contextlib
import functools
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from cca_jax.convert import pickles
from cca_jax.convert.tensors import STORAGES, Storage

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_ADVICE = "give a .pth.tar file that torch.save wrote"
_DAMAGE = (ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError)
"""What `zipfile` raises of archives that are damaged or of a kind that it does not know."""


@contextlib.contextmanager
def open_checkpoint(path: str | Path) -> Iterator[Any]:
    """The content of a checkpoint: containers, numbers, text, `Tensor`s, which can be read within, and `Foreign`s.

    Nothing of the file is run. Tensors that are not read take no memory.

    Raises:
        ValueError: not a file of torch's, or a damaged one.
        OSError: it cannot be read.
    """
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(path, "rb"))
        try:
            if zipfile.is_zipfile(file):
                archive = stack.enter_context(zipfile.ZipFile(file))
                content = _read_archive(archive, Path(path).stat().st_size)
            else:
                file.seek(0)
                content = _read_pickles(file)
        except _DAMAGE as error:
            raise ValueError(f"{path}: is not a PyTorch checkpoint ({error}): {_ADVICE}") from error
        yield content


def _read_archive(archive: zipfile.ZipFile, size: int) -> Any:
    entries = {entry.filename: entry for entry in archive.infolist()}
    # Torch compresses nothing: what is unpacked is never larger than the file.
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
        raise ValueError("its entries are compressed, as torch's never are")
    if sum(entry.file_size for entry in entries.values()) > size:
        raise ValueError("its entries overlap")
    pickled = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(pickled) != 1:
        raise ValueError("it is a zip archive without torch's data.pkl")
    prefix = pickled[0].removesuffix("data.pkl")
    if f"{prefix}constants.pkl" in entries:
        raise ValueError("it is a TorchScript program: save its state_dict() by itself")
    if f"{prefix}byteorder" in entries and archive.read(f"{prefix}byteorder") != b"little":
        raise ValueError("it was written on a machine with the other order of bytes")

    @functools.lru_cache(maxsize=1)  # tensors that share one come one after the other
    def read(key: str) -> bytes:
        try:
            return archive.read(f"{prefix}data/{key}")
        except _DAMAGE as error:
            raise ValueError(f"storage {key} is damaged ({error}): copy or download the file again") from error

    def stored(dtype: str, key: str, count: int) -> Storage:
        storage = Storage(dtype, count, lambda: read(key))
        entry = entries.get(f"{prefix}data/{key}")
        if entry is None or entry.file_size < storage.bytes:
            raise ValueError(f"it lacks numbers of storage {key}")
        return storage

    return pickles.load(io.BytesIO(archive.read(pickled[0])), _finder(stored))


def _read_pickles(file: BinaryIO) -> Any:
    """A file as torch wrote it before 1.6: what it is, the content, the storages' keys, and their numbers."""
    _check_kind(*(pickles.load(file, _nothing) for _ in range(3)))
    places: dict[str, tuple[int, int]] = {}
    types: dict[str, Storage] = {}

    @functools.lru_cache(maxsize=1)
    def read(key: str) -> bytes:
        start, count = places[key]
        file.seek(start)
        return file.read(count)

    def stored(dtype: str, key: str, count: int) -> Storage:
        return types.setdefault(key, Storage(dtype, count, lambda: read(key)))

    content = pickles.load(file, _finder(stored))
    keys, start, size = pickles.load(file, _nothing), file.tell(), file.seek(0, io.SEEK_END)
    if not isinstance(keys, list) or not set(types) <= set(map(str, keys)):
        raise ValueError("it lacks numbers")
    for key in map(str, keys):
        if key not in types:  # its type, and so its size, is not known
            raise ValueError(f"it has numbers of a storage {key} that it does not use")
        places[key] = start + 8, types[key].bytes
        start += 8 + types[key].bytes
    if start > size:
        raise ValueError("it is cut short")
    return content


def _nothing(_: Any) -> Any:
    raise ValueError("it refers to what is not there")


def _check_kind(magic: Any, protocol: Any, machine: Any) -> None:
    if magic != _MAGIC or protocol != _PROTOCOL:
        raise ValueError("it is another kind of pickle")
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise ValueError("it was written on a machine with the other order of bytes")


def _finder(stored: Callable[[str, str, int], Storage]) -> Callable[[Any], Any]:
    """What a persistent identifier stands for: ("storage", its class, its key, a device, how many numbers, …)."""

    def find(pid: Any) -> Any:
        kind, *rest = pid
        if kind == "module":  # whose source lies beside it
            return rest[0]
        if kind != "storage" or (len(rest) > 4 and rest[4] is not None):
            raise ValueError("it refers to what is not known here")
        dtype, key, _, count = rest[:4]
        if str(dtype) not in STORAGES.values() or not isinstance(count, int) or count < 0:
            raise ValueError("it has a storage of a kind that is not known here")
        return stored(str(dtype), str(key), count)

    return find
