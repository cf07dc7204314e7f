"""Tells a run's figures to everyone who listens; in a run of several processes, the first one speaks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from train.reporting.board import Board
from train.reporting.console import FLOOR_WARNING, train_line, validation_line
from train.reporting.metrics_log import MetricsLog

_PICTURES = 4
_FLOOR_SHARE = 0.5


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
        self._warned = False
        with contextlib.ExitStack() as stack:
            self._log = stack.enter_context(MetricsLog(folder, step))
            self._board = stack.enter_context(Board(folder, step, num_slices))
            self._open = stack.pop_all()

    def train(self, step: int, values: dict[str, float], seconds_per_step: float) -> None:
        """A training step: `values` by the names of `ObjectiveTerms` and `StepReport`, and the time it took."""
        crops = self.batch_size / seconds_per_step
        rates = {"seconds_per_step": seconds_per_step, "crops_per_second": crops}
        self._log.write("train", step, {**values, **rates})
        self._board.train(step, {**values, **rates})
        self.tell(train_line(step, self.steps, values, crops, self.batch_size))
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

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
