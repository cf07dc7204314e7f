"""How much effort an encoder may make: ten levels, from none on."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Level:
    """A search of so many iterations.

    Attributes:
        iterations: each takes about as long as decoding twice.
        rate: how far an iteration moves the latent, in steps of its quantisation, where its gradient is always large.
        memory: of the gradients' means: what each keeps from one iteration to the next.
        hottest: temperature of the rounding at the beginning.
    """

    iterations: int
    rate: float = 0.04
    memory: float = 0.9
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
    Level(4, rate=0.08, memory=0.8),
    Level(8, rate=0.06, memory=0.8),
    Level(16, rate=0.05, memory=0.8),
    Level(24),
    Level(40),
    Level(60),
    Level(100),
    Level(160),
    Level(300),
)
"""By their number, 0 … 9; fours of iterations, which are compiled as one program for all."""
MAX_EFFORT = len(LEVELS) - 1

MEASURED: tuple[tuple[float, float | None], ...] = (
    (0.3, 0.0),
    (3, -3.5),
    (6, -5.8),
    (11, -9.0),
    (16, -10.4),
    (26, -12.9),
    (38, -14.9),
    (62, -16.4),
    (98, -17.9),
    (182, None),
)
"""By level, seconds to encode and per cent of bits at equal PSNR, as `EFFORT_MEASURED` says; None: not measured.

Bits: BD-rate of real files at qualities 25, 50, 75 and 95 of two crops of 256×256 of training photos
(docs/training/experiments.md). Seconds: levels 0, 1 and 3 on one crop of 768×512, on a machine that was busy; the
others by their iterations, 0.6 each.
All are of `lite` with the identity b1a8d97f3110d43a. `python -m eval --effort 0 1 … 9` ends with such a table.
"""
EFFORT_MEASURED = """\
What effort brought with the model lite before this one (b1a8d97f3110d43a): seconds of processor time for 768×512
pixels, from level 4 on estimated, and bits at equal PSNR, on two smooth crops at four qualities. A densely textured
crop gained a quarter to a half of it."""


def check_effort(effort: object) -> None:
    """Raises ValueError unless this is a level's number."""
    if type(effort) is not int or not 0 <= effort <= MAX_EFFORT:
        raise ValueError(f"effort is a whole number from 0 to {MAX_EFFORT}, got {effort!r}")
