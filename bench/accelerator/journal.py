"""What was measured already, in a file that is whole at all times: a call that is cut short loses one task at most."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cca_jax.image_io.files import write_atomically


class Journal:
    """Results by task.

    Args:
        path: of the JSON file.

    Raises:
        ValueError: the file is no journal.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.results: dict[str, dict[str, Any]] = {}
        if path.exists():
            try:
                self.results = json.loads(path.read_text())
            except ValueError as error:
                raise ValueError(f"{path} is no journal of measurements ({error}): move it away") from error
            if not isinstance(self.results, dict):
                raise ValueError(f"{path} is no journal of measurements: move it away")

    def add(self, task: str, values: dict[str, Any]) -> None:
        """Keeps the result of a task."""
        self.results[task] = values
        write_atomically(self._path, (json.dumps(self.results, indent=2) + "\n").encode())
