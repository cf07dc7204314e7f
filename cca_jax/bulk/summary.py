"""The summary of a run: a file of one JSON object an input."""

from __future__ import annotations

import json
import os
import secrets
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any

DONE, KNOWN, FAILED = "done", "skipped", "failed"
"""What became of an input: its output was made, had been made by an earlier run, or could not be made."""


class Summary:
    """Counts what became of the inputs and, where a file is named, writes a line for each.

    The file takes its name when the run ends, in whatever way short of the process being killed.

    Attributes:
        counts: by status.
    """

    def __init__(self, path: str | None) -> None:
        """Names the file, which is replaced at the end; None for none.

        Raises:
            OSError: it cannot be written.
        """
        self.counts: Counter[str] = Counter()
        self._path = None if path is None else Path(path)
        self._part = None if path is None else Path(path).with_name(f".{secrets.token_hex(8)}.part")
        try:
            self._file = None if self._part is None else self._part.open("x", encoding="utf-8")
        except OSError as error:  # it names the hidden file, which would tell the user nothing
            raise OSError(error.errno, error.strerror, path) from error

    def __enter__(self) -> Summary:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None and self._part is not None and self._path is not None:
            self._file.close()
            os.replace(self._part, self._path)

    def add(self, source: str, target: str, status: str, **facts: Any) -> None:
        """Says what became of an input."""
        self.counts[status] += 1
        if self._file is not None:
            line = {"input": source, "output": target, "status": status, **facts}
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def __str__(self) -> str:
        return ", ".join(f"{count} {status}" for status, count in self.counts.items())
