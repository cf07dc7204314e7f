"""The shortest time a chip can take for a program: the longest of what arithmetic, memory and exchanges each need."""

from __future__ import annotations

import dataclasses

from train.plan.accelerators.chips import Chip

ARITHMETIC, MEMORY, INTERCONNECT, NETWORK = "arithmetic", "main memory", "interconnect", "network between slices"


@dataclasses.dataclass(frozen=True)
class Bound:
    """Lower bounds of one run on one device, seconds; the parts overlap at best.

    Attributes:
        seconds: by resource.
        operations: floating-point operations.
        peak: of the chip, operations a second.
    """

    seconds: dict[str, float]
    operations: float
    peak: float

    @property
    def by(self) -> str:
        """The resource that bounds it."""
        return max(self.seconds, key=lambda name: self.seconds[name])

    @property
    def least(self) -> float:
        """Seconds at best."""
        return self.seconds[self.by]

    @property
    def share_of_peak(self) -> float:
        """Of the chip's arithmetic in bfloat16, when it runs at the bound."""
        return self.operations / self.peak / self.least if self.least else 0.0


def roofline(chip: Chip, operations: float, traffic: float, sent: float = 0.0, sent_between: float = 0.0) -> Bound:
    """The bound of a program.

    Args:
        chip: what it runs on.
        operations: floating-point operations on a device.
        traffic: bytes through its main memory.
        sent: bytes it sends over the interconnect.
        sent_between: bytes it sends to other slices or hosts.
    """
    seconds = {
        ARITHMETIC: operations / chip.peak,
        MEMORY: traffic / chip.bandwidth,
        INTERCONNECT: sent / chip.interconnect,
        NETWORK: sent_between / chip.network,
    }
    return Bound(seconds, operations, chip.peak)
