"""How fast a run gets on since its last line."""

from __future__ import annotations

import time

from train.run.timing.data_wait import DataWait
from train.run.timing.utilization import Utilization


class Pace:
    """A clock that is set back where something else than steps took time: a validation, a compilation.

    Args:
        step: steps done.
        waits: for photos.
        utilization: of the chip.
    """

    def __init__(self, step: int, waits: DataWait, utilization: Utilization) -> None:
        self._waits, self._utilization = waits, utilization
        self.restart(step)

    def restart(self, step: int) -> None:
        """Counts from now on, after `step` steps."""
        self._begun, self._step, self._waited = time.monotonic(), step, self._waits.seconds

    def values(self, step: int) -> dict[str, float]:
        """Of the steps up to `step`, by name: `seconds_per_step`, `data_wait`, and `Utilization.values`.

        `data_wait` is the share of the time in which the device had nothing to do because photos were missing.
        """
        elapsed = max(time.monotonic() - self._begun, 1e-9)
        seconds = elapsed / (step - self._step)
        waited = min(1.0, (self._waits.seconds - self._waited) / elapsed)
        return {"seconds_per_step": seconds, "data_wait": waited, **self._utilization.values(seconds)}
