"""How much effort an encoder may make: ten levels, from none on."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Level:
    """A search of so many iterations.

    Attributes:
        iterations: each takes about as long as decoding twice.
        rate: how far an iteration moves the latent, in steps of its quantisation, where its gradient is always large.
        hottest: temperature of the rounding at the beginning.
    """

    iterations: int
    rate: float = 0.04
    hottest: float = 0.5

    def temperature(self, number: int) -> float:
        """Of the iteration of that number, from 0 on: it falls geometrically."""
        return self.hottest * (COLDEST / self.hottest) ** (number / max(1, self.iterations - 1))


COLDEST = 0.1
"""Temperature at the end: rounding, nearly."""
HYPER_RATE = 1.0
"""How far the hyper-latent is moved, of what the latent is."""

LEVELS = (
    Level(0),
    Level(4, rate=0.08),
    Level(8, rate=0.06),
    Level(16, rate=0.05),
    Level(24, rate=0.05),
    Level(40),
    Level(60),
    Level(100),
    Level(160),
    Level(300),
)
"""By their number, 0 … 9; fours of iterations, which are compiled as one program for all."""
MAX_EFFORT = len(LEVELS) - 1

MEASURED = ((0.4, 0.0),) + ((1.0, -1.0),) * 9
"""Seconds to encode and per cent of bits at equal PSNR by level, as `EFFORT_MEASURED` says: TODO."""
EFFORT_MEASURED = "TODO"


def check_effort(effort: object) -> None:
    """Raises ValueError unless this is a level's number."""
    if type(effort) is not int or not 0 <= effort <= MAX_EFFORT:
        raise ValueError(f"effort is a whole number from 0 to {MAX_EFFORT}, got {effort!r}")
