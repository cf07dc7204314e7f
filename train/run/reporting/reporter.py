"""Tells a run's figures to everyone who listens; in a run of several processes, the first one speaks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from train.run.reporting.board import Board
from train.run.reporting.console import DATA_WARNING, FLOOR_WARNING, goodput_line, train_line, validation_line
from train.run.reporting.metrics_log import MetricsLog

_PICTURES = 4
_FLOOR_SHARE = 0.5
_WAIT_SHARE, _SLOW_LINES = 0.1, 3
"""Of the time between two lines; the first lines of a run may wait for readers to start."""


class Reporter:
    """Writes metrics.jsonl and TensorBoard's events into a run's folder, and lines to a console.

    Attributes:
        steps: of the whole run.
        batch_size: crops of a step.
        tell: called with every line a person should see.
    """

    def __init__(
        self, folder: Path, step: int, steps: int, batch_size: int, num_slices: int, tell: Callable[[str], None]
    ) -> None:
        self.steps, self.batch_size, self.tell = steps, batch_size, tell
        self._warned, self._slow_lines = False, 0
        with contextlib.ExitStack() as stack:
            self._log = stack.enter_context(MetricsLog(folder, step))
            self._board = stack.enter_context(Board(folder, step, num_slices))
            self._open = stack.pop_all()

    def train(self, step: int, values: dict[str, float], pace: dict[str, float]) -> None:
        """A training step.

        Args:
            step: its number.
            values: by the names of `ObjectiveTerms` and `StepReport`.
            pace: `seconds_per_step`, and by name what else is known of how the run gets on (`train.run.timing.pace`).
        """
        crops = self.batch_size / pace["seconds_per_step"]
        told = {**values, **pace, "crops_per_second": crops}
        self._log.write("train", step, told)
        self._board.train(step, told)
        self.tell(train_line(step, self.steps, told, crops, self.batch_size))
        if pace.get("data_wait", 0.0) > _WAIT_SHARE:
            self._slow_lines += 1
            if self._slow_lines == _SLOW_LINES:
                self.tell(DATA_WARNING.format(share=pace["data_wait"]))
        if values["aux_floor_fraction"] > _FLOOR_SHARE and not self._warned:
            self._warned = True
            self.tell(FLOOR_WARNING.format(share=values["aux_floor_fraction"]))

    def validation(
        self, step: int, values: dict[str, Any], best: bool, originals: np.ndarray, decoded: np.ndarray
    ) -> None:
        """A validation: `values` by the names of `Validation`, and pictures uint8 [N, S, S, 3]."""
        self._log.write("validation", step, {**values, "best": best})
        self._board.validation(step, values, originals[:_PICTURES], decoded[:_PICTURES])
        self.tell(validation_line(step, values, best))

    def goodput(self, step: int, seconds: float, shares: dict[str, float]) -> None:
        """Where the wall time of this process went: seconds in all, and shares of them by activity."""
        self._log.write("goodput", step, {"seconds": seconds, **shares})
        self.tell(goodput_line(seconds, shares))

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
