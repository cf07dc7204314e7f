"""`metrics.jsonl`: one JSON object a logged step."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any

from cca_jax.image_io.files import write_atomically

FILE_NAME = "metrics.jsonl"


class MetricsLog:
    """The file, open for more lines.

    Lines after `step`, which a run wrote between its last checkpoint and its end, are dropped: what is done again is
    told once.
    """

    def __init__(self, folder: Path, step: int) -> None:
        path = folder / FILE_NAME
        if path.exists():
            kept = [line for line in _whole_lines(path) if json.loads(line)["step"] <= step]
            # Whole or not at all: a disk that is still full must not cost what was logged.
            write_atomically(path, "".join(line + "\n" for line in kept).encode())
        self._file = path.open("a", encoding="utf-8")

    def write(self, kind: str, step: int, values: dict[str, Any]) -> None:
        """Adds a line; `kind` is "train" or "validation". What is not finite becomes null: JSON has no word for it."""
        line = json.dumps({"kind": kind, "step": step, **_finite(values)}, allow_nan=False)
        self._file.write(line + "\n")
        self._file.flush()

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _whole_lines(path: Path) -> list[str]:
    """The lines that are JSON; a killed run may leave part of one."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            json.loads(line)
        except ValueError:
            continue
        lines.append(line)
    return lines


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return value
