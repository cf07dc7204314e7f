"""How much of a chip's arithmetic a run uses, where the chip is known.

Operations are counted from the step itself (`train.plan.accelerators.arithmetic`): convolutions and matrix products as
it asks for them, on one device, whatever the compiler makes of them.
"""

from __future__ import annotations

from typing import Any

from jax.sharding import Mesh

from train.plan.accelerators.arithmetic import operations
from train.plan.accelerators.chips import chip_of

_TERA = 1e12


class Utilization:
    """Of the first device of a mesh; all are of one kind.

    Attributes:
        chip: None where it is not in the table, as a CPU is not: nothing is counted then.
    """

    def __init__(self, mesh: Mesh) -> None:
        self.chip = chip_of(mesh.devices.flat[0].device_kind)
        self._operations: float | None = None

    def count(self, function: Any, arguments: tuple[Any, ...], steps: int) -> None:
        """Counts, once, what a jitted function of so many steps takes; JAX keeps its trace for the next call."""
        if self.chip is not None and self._operations is None:
            self._operations = operations(function.trace(*arguments).jaxpr) / steps

    def values(self, seconds_per_step: float) -> dict[str, float]:
        """`tflops_per_second` of a device and its `share_of_peak` in bfloat16, by name; empty where unknown."""
        if self.chip is None or self._operations is None:
            return {}
        rate = self._operations / seconds_per_step
        return {"tflops_per_second": rate / _TERA, "share_of_peak": rate / self.chip.peak}
