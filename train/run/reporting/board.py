"""TensorBoard: scalars, reconstructions, and where the bits go."""

from __future__ import annotations

import math
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import UInt8
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog


class Board:
    """The event file of a run, in its folder.

    Events are written as they come. TensorBoard's own writers do it in a thread, whose errors nobody can answer.

    Args:
        folder: the run's.
        step: steps done; events after it, which a killed run left and which will be told again, are hidden.
        num_slices: of the model.
    """

    def __init__(self, folder: Path, step: int, num_slices: int) -> None:
        self._events = EventsWriter(str(folder / "events"))
        if step > 0:
            self._events.write_event(Event(step=step + 1, session_log=SessionLog(status=SessionLog.START)))
        names = ["bits_per_pixel/z", *(f"bits_per_pixel/slice_{i + 1}" for i in range(num_slices))]
        # One chart with a line each: whether the early slices carry the information is what the CCA term is about.
        layout = {"where the bits go": {"bits per pixel by slice": ["Multiline", names]}}
        self._write(step, summary.custom_scalars(layout))

    def train(self, step: int, values: dict[str, float]) -> None:
        """The terms and rates of a step, by name."""
        for name, value in values.items():
            self._scalar(step, f"train/{name}", value)
        self._events.flush()

    def validation(
        self,
        step: int,
        values: dict[str, Any],
        originals: UInt8[np.ndarray, "N S S 3"],
        decoded: UInt8[np.ndarray, "N S S 3"],
    ) -> None:
        """A validation by the names of `Validation`, and originals above their reconstructions."""
        self._scalar(step, "bits_per_pixel/z", values["rate_z"])
        for index, rate in enumerate(values["rate_slices"]):
            self._scalar(step, f"bits_per_pixel/slice_{index + 1}", rate)
        for name in ("loss", "rate", "psnr"):
            self._scalar(step, f"validation/{name}", values[name])
        sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in (originals, decoded)], axis=0)
        self._write(step, summary.image("validation/original_above_reconstruction", sheet, dataformats="HWC"))
        self._events.flush()

    def _scalar(self, step: int, name: str, value: float) -> None:
        if math.isfinite(value):  # tensorboardX complains of others, one by one; a gap says as much
            self._write(step, summary.scalar(name, value))

    def _write(self, step: int, summary: Any) -> None:
        self._events.write_event(Event(wall_time=time.time(), step=step, summary=summary))

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._events.close()
