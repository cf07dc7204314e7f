"""The quality at which a file has a wanted size or a wanted fidelity, by search (for models of several rates)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import jax.numpy as jnp

from cca_jax.bitstream import container
from cca_jax.codec.codec import Codec
from cca_jax.codec.effort.search import Progress
from cca_jax.codec.pictures.source import Picture, Source, source_of
from cca_jax.objective.metrics import psnr

_MOST_FILES = 16
_NEAR_RATE = 0.01  # a hundredth of the wanted rate
_NEAR_PSNR = 0.02  # dB
_QUALITY_STEP = 1 / container.QUALITY_STEPS
_IN_ROW = 2
"""Guesses on one side of the target after which the next one halves what is left."""
_FREE = 6
"""Guesses after which all do."""


@dataclasses.dataclass(frozen=True)
class Target:
    """What a file is to reach.

    Attributes:
        value: bits per pixel that the whole file must not exceed, or a PSNR in dB that it must not fall below.
        kind: which of the two.
    """

    value: float
    kind: str

    def __post_init__(self) -> None:
        if self.kind not in _UNITS:
            raise ValueError(f"a target is one of {', '.join(_UNITS)}, got {self.kind!r}")
        if not 0 < self.value < math.inf:
            raise ValueError(f"a target is a number of {_UNITS[self.kind]} above 0, got {self.value:g}")


_UNITS = {"bpp": "bits per pixel", "psnr": "dB PSNR"}


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """The file that a search ended with.

    Attributes:
        data: its bytes.
        quality: it was made at.
        value: its bits per pixel or PSNR, as the target asks.
    """

    data: bytes
    quality: float
    value: float


def compress_to_target(
    codec: Codec,
    image: Picture | Source,
    target: Target,
    tile: int | None = None,
    *,
    effort: int = 0,
    progress: Progress | None = None,
) -> SearchResult:
    """The largest file found within a rate, or the smallest found with a fidelity.

    A rate that the best quality stays within gives the best quality, and a fidelity that the least one has gives the
    least. In between, rate and fidelity grow with the quality, about as straight lines (the rate in its logarithm):
    each guess lies on the line through the two files around the target, but never so near to one of them that little is
    won; where that misses on one side again, the next one is in the middle.

    Args:
        codec: of a model of several rates.
        image: as `Codec.compress` takes it.
        target: see `Target`. What is found in between is within 1 % of a rate or 0.02 dB of a PSNR, unless the image's
            own rates jump by more, or bend so sharply that 16 files do not suffice.
        tile: as `Codec.compress` takes it.
        effort: likewise; every file that is tried is made with it.
        progress: likewise, of each file.

    Raises:
        ValueError: a model of a single rate; a rate too small or a fidelity too high for it here; not an image.
    """
    if codec.quality_range is None:
        raise ValueError(f"model {codec.name!r} has a single rate: it cannot search for a target")
    source = source_of(image)
    height, width = source.pixels.shape[:2]
    original = source.in_8_bits

    def measure(quality: float) -> SearchResult:
        encoding = codec.encode(source, quality, tile=tile, effort=effort, progress=progress)
        data = encoding.data
        if target.kind == "bpp":
            value = 8 * len(data) / (height * width)
        else:
            restored = codec.restore(encoding)
            value = float(psnr(jnp.asarray(original[None]), jnp.asarray(restored[None]))[0])
        assert encoding.container.quality is not None
        return SearchResult(data, encoding.container.quality, value)

    low, high = map(measure, codec.quality_range)
    if target.kind == "bpp":
        if high.value <= target.value:
            return high
        if low.value > target.value:
            raise ValueError(
                f"on this image model {codec.name!r} takes {low.value:.4g} bits per pixel at least: {target.value:g} "
                "are too few"
            )
    else:
        if low.value >= target.value:
            return low
        if high.value < target.value:
            raise ValueError(
                f"on this image model {codec.name!r} reaches {high.value:.4g} dB at most: {target.value:g} are too many"
            )
    return _narrow(measure, low, high, target)


def _narrow(
    measure: Callable[[float], SearchResult], low: SearchResult, high: SearchResult, target: Target
) -> SearchResult:
    """Moves two files around the target together; of what they reach, the one on its good side."""
    scale = math.log if target.kind == "bpp" else float
    near = target.value * _NEAR_RATE if target.kind == "bpp" else _NEAR_PSNR
    # The middle of what is near enough: a guess that meets the target only just may miss it.
    aim = scale(target.value + (-near if target.kind == "bpp" else near) / 2)
    in_row, was_low = 0, None

    def best() -> SearchResult:
        return low if target.kind == "bpp" else high

    for number in range(_MOST_FILES - 2):
        if abs(best().value - target.value) <= near or high.quality - low.quality <= _QUALITY_STEP:
            break
        span = scale(high.value) - scale(low.value)
        # On a curve that bends, the line keeps missing on one side: then the other end comes no nearer.
        on_line = span > 0 and in_row < _IN_ROW and number < _FREE
        share = (aim - scale(low.value)) / span if on_line else 0.5
        guess = measure(low.quality + min(max(share, 0.1), 0.9) * (high.quality - low.quality))
        # What hits the target is on the good side: at most a rate, at least a fidelity.
        is_low = guess.value < target.value or (guess.value == target.value and target.kind == "bpp")
        in_row, was_low = (in_row + 1 if is_low == was_low else 1), is_low
        if is_low:
            low = guess
        else:
            high = guess
    return best()
