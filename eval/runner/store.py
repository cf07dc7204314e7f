"""Measurements that need not be made again: the journal of a report, and a user's cache for all reports.

Both keep an entry under a key made of everything that it depends on. So a stale entry is never found.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path
from pydantic import ValidationError

from cca_jax.image_io.files import write_atomically
from eval.codecs.conventional import ConventionalCodec
from eval.codecs.interface import ImageCodec
from eval.results.records import ImageRecord, NonNegative, Record
from eval.results.results import SCHEMA_VERSION, Machine
from eval.runner.images import digest

JOURNAL = "journal.jsonl"
"""The journal's name in a report's folder."""


class Entry(Record):
    """A measurement to be kept.

    Attributes:
        key: `entry_key`.
        record: what was measured.
        compile_seconds: what was compiled for it.
    """

    key: str
    record: ImageRecord
    compile_seconds: NonNegative = 0.0


def entry_key(
    content: str,
    codec: ImageCodec,
    setting: float,
    estimate: bool,
    machine: Machine,
    timed: bool = True,
    metrics: Mapping[str, str] | None = None,
) -> str:
    """What a measurement is kept under.

    Args:
        content: the pixels' digest.
        codec: its name and version count.
        setting: the codec's.
        estimate: whether the record holds an estimate.
        machine: times are taken on it: on another they are taken anew.
        timed: whether the record holds times.
        metrics: the further measures that the record holds, with their versions.
    """
    parts = [SCHEMA_VERSION, content, codec.name, codec.version, setting, estimate, machine.model_dump()]
    if not timed:
        parts.append("untimed")
    if metrics:
        parts.append(dict(metrics))
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Journal:
    """Entries in a file of one line each, which survives a run that is killed while it writes."""

    def __init__(self, path: Path) -> None:
        """Reads what is there. A line that is not whole, or not an entry of this version, counts as not there."""
        self._path = path
        self._entries: dict[str, Entry] = {}
        content = path.read_bytes() if path.exists() else b""
        self._torn = bool(content) and not content.endswith(b"\n")
        for line in content.splitlines():
            try:
                entry = Entry.model_validate_json(line)
            except ValidationError:
                continue
            self._entries[entry.key] = entry

    def get(self, key: str) -> Entry | None:
        """The entry of that key, if it is there."""
        return self._entries.get(key)

    def put(self, entry: Entry) -> None:
        """Adds an entry; once this returns, the end of the process cannot lose it."""
        line = entry.model_dump_json().encode() + b"\n"
        with self._path.open("ab") as file:
            file.write(b"\n" + line if self._torn else line)
        self._torn = False
        self._entries[entry.key] = entry


class Cache:
    """Entries in a folder, a file each, shared by all reports of a user; and coded files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Entry | None:
        """The entry of that key, if it is there and whole."""
        try:
            entry = Entry.model_validate_json(self._file(key).read_bytes())
        except (OSError, ValidationError):
            return None
        return entry if entry.key == key else None

    def put(self, entry: Entry) -> None:
        """Adds an entry, if it can be written."""
        _keep(self._file(entry.key), entry.model_dump_json().encode())

    def keeping_files(self, codec: ConventionalCodec) -> ConventionalCodec:
        """The same codec, but a file that it once wrote so is taken from here: for where its time does not matter."""

        def write(pixels: np.ndarray, setting: int) -> bytes:
            parts = [digest(pixels), codec.name, codec.version, setting]
            file = self._file(hashlib.sha256(json.dumps(parts).encode()).hexdigest(), "coded")
            with contextlib.suppress(OSError):
                return file.read_bytes()
            data = codec.write(pixels, setting)
            _keep(file, data)
            return data

        return dataclasses.replace(codec, write=write)

    def _file(self, key: str, suffix: str = "json") -> Path:
        return self._folder / key[:2] / f"{key}.{suffix}"


def _keep(file: Path, data: bytes) -> None:
    """A cache that cannot be written is no reason to stop."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, data)


def user_cache() -> Cache:
    """The cache of this user, in the folder that the system has for such things."""
    return Cache(user_cache_path("cca_jax") / "eval")
