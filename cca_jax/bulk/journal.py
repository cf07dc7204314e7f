"""What a run has done, so that the same command does it once: a journal in the folder of the outputs.

An output counts as done where the journal says that it was made from this input, by this work, and where it is still
what was written. Input and output are recognised by size and version (the time they were written, or a store's own
mark); where only the version differs, by their content. So a copied or touched photo is not coded again, and an output
that was cut short or edited is made anew.

A journal is a folder of files of one JSON object a line. Each process that writes has a file of its own, and a line
that is not whole counts as not there: a run may be killed at any moment, and several may go on at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cca_jax.bulk.storage import places, stores

FOLDER = ".cca-jax"
"""The journal's name in the folder of the outputs."""
_SUFFIX = ".jsonl"


@dataclasses.dataclass(frozen=True)
class Stamp:
    """By which a file is recognised.

    Attributes:
        size: bytes.
        version: as in `stores.State`.
        digest: of the content.
    """

    size: int
    version: str | None
    digest: str

    @classmethod
    def of(cls, place: str, data: bytes, state: stores.State | None = None) -> Stamp:
        """Of a file whose content is known; its state is looked up unless it is given."""
        found = places.state(place) if state is None else state
        return cls(len(data), None if found is None else found.version, stores.digest(data))

    def holds(self, place: str) -> bool:
        """Whether the file there is still this one."""
        found = places.state(place)
        if found is None or found.size not in (None, self.size):
            return False
        same_version = found.version is not None and found.version == self.version
        return same_version or stores.digest(places.read(place)) == self.digest


@dataclasses.dataclass(frozen=True)
class Record:
    """One output that is done.

    Attributes:
        output: its name within the folder.
        work: a digest of all that decides it besides the input: direction, model, settings, version.
        source: of the input.
        made: of the output.
        facts: what is said of it: pixels, fidelity.
    """

    output: str
    work: str
    source: Stamp
    made: Stamp
    facts: dict[str, Any]

    def to_json(self) -> str:
        """One line."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, line: bytes) -> Record:
        """The record of a line.

        Raises:
            ValueError, KeyError, TypeError: it is not one.
        """
        values = json.loads(line)
        source, made = Stamp(**values.pop("source")), Stamp(**values.pop("made"))
        return cls(source=source, made=made, **values)

    def holds(self, folder: str, work: str, source: str) -> bool:
        """Whether the output, in that folder, need not be made again by this work from what is at `source`."""
        try:
            return self.work == work and self.made.holds(stores.join(folder, self.output)) and self.source.holds(source)
        except (OSError, ValueError):  # what cannot be looked at is tried anew, which says what is wrong
            return False


class Journal:
    """The records of a folder; safe from several threads."""

    def __init__(self, folder: str, read: bool = True) -> None:
        """Reads what is there, unless it is only to be written.

        Args:
            folder: of the outputs, a path or a URL; it need not exist.
            read: whether anything is looked up.
        """
        self._place = stores.join(folder, FOLDER)
        self._own = f"{secrets.token_hex(8)}{_SUFFIX}"
        self._lock = threading.Lock()
        self._lines: dict[str, bytes] = {}  # parsed when asked for: a million of them are small so
        for content in _contents(self._place) if read else ():
            for line in content.splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    self._lines[json.loads(line)["output"]] = line

    def __len__(self) -> int:
        return len(self._lines)

    def lookup(self, output: str) -> Record | None:
        """The last record of an output, whose name within the folder it is; None where there is none."""
        line = self._lines.get(output)
        with contextlib.suppress(ValueError, KeyError, TypeError):
            return None if line is None else Record.from_json(line)
        return None

    def put(self, records: Sequence[Record]) -> None:
        """Adds records; once this returns, the end of the process cannot lose them.

        Raises:
            OSError: they cannot be written.
        """
        if not records:
            return
        content = "".join(record.to_json() + "\n" for record in records).encode()
        with self._lock:
            if stores.is_url(self._place):  # whose files cannot grow
                stores.write(stores.join(self._place, f"{time.time_ns()}-{self._own}"), content)
                return
            Path(self._place).mkdir(parents=True, exist_ok=True)
            with open(os.path.join(self._place, self._own), "ab") as file:
                file.write(content)


def _contents(folder: str) -> Iterable[bytes]:
    """Of a journal's files, the oldest first, so that what was done last counts."""
    if stores.is_url(folder):
        with contextlib.suppress(FileNotFoundError):
            for name in stores.find(folder, (_SUFFIX,)):
                yield stores.read(stores.join(folder, name))
        return
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        files = [Path(folder, name) for name in os.listdir(folder) if name.endswith(_SUFFIX)]
        for file in sorted(files, key=lambda one: one.stat().st_mtime_ns):
            yield file.read_bytes()
