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

MEASURED: tuple[tuple[float, float], ...] = (
    (0.2, 0.0),
    (2.2, -3.8),
    (4.1, -6.1),
    (6.5, -8.6),
    (8.6, -9.9),
    (14, -12.2),
    (21, -13.5),
    (35, -15.1),
    (55, -16.1),
    (104, -17.9),
)
"""By level, seconds to encode and per cent of bits at equal PSNR, as `EFFORT_MEASURED` says.

Bits: BD-rate of real files at qualities 25, 50, 75 and 95 of four crops of 256×256 of photos that training has not seen
(docs/training/experiments.md). Seconds: the demo's photo, 768×512, at quality 50 on two idle cores; levels 4 and from 6
on by their iterations, 0.35 each. All are of `lite` with the identity 3e40bf6463a6b71c. `python -m eval --effort 0 1 …
9` ends with such a table.
"""
EFFORT_MEASURED = """\
What effort brought with the model lite (3e40bf6463a6b71c): seconds on two cores for a photo of 768×512 pixels, at
levels 4 and from 6 on estimated, and bits at equal PSNR, on four crops of other photos at four qualities. Densely
textured photos gain less."""


def check_effort(effort: object) -> None:
    """Raises ValueError unless this is a level's number."""
    if type(effort) is not int or not 0 <= effort <= MAX_EFFORT:
        raise ValueError(f"effort is a whole number from 0 to {MAX_EFFORT}, got {effort!r}")
