"""Quality: the scale from 1 to 100 by which a user of a model of several rates asks for more or fewer bits.

Quality q is position (q - 1) / 99 · (K - 1) among the model's K rates: 1 is the largest of its rate weights, 100 the
smallest. It is continuous, in steps of 1/256, and larger means more bits.
"""

from __future__ import annotations

from fractions import Fraction

MIN_QUALITY = 1.0
MAX_QUALITY = 100.0
DEFAULT_QUALITY = 50.0
"""The quality of a call that states none."""
SWEEP = (1.0, 12.0, 23.0, 34.0, 45.0, 56.0, 67.0, 78.0, 89.0, 100.0)
"""Ten qualities over the whole range, for measurements."""


def check_quality(quality: float) -> None:
    """Raises ValueError unless it is a quality (NaN is none)."""
    if not MIN_QUALITY <= quality <= MAX_QUALITY:
        raise ValueError(f"a quality is a number from {MIN_QUALITY:g} to {MAX_QUALITY:g}, got {quality:g}")


def rate_index(quality: float, num_rates: int) -> Fraction:
    """The position of a quality among a model's rates, from 0 to num_rates - 1, exactly.

    Examples:
        >>> rate_index(50.5, num_rates=11)
        Fraction(5, 1)
    """
    return (Fraction(quality) - int(MIN_QUALITY)) / int(MAX_QUALITY - MIN_QUALITY) * (num_rates - 1)
