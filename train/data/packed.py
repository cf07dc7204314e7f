"""All photos decoded, end to end in one array, for a device that cuts its crops itself.

A pixel is one 32-bit word, red in the lowest byte: a row of a crop is then as many consecutive words as it has pixels,
which every accelerator reads well, and places are counted in pixels, so that 32 bits reach eight gigabytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from cca_jax.image_io.images import ImageError
from train.data.crops import extend
from train.data.source import PhotoSource
from train.recipe.config import CropWeight

MOST_PIXELS = 2**31 - 1
"""What 32-bit places reach."""

_BYTES = 4
_MIB = 2**20
_ROUND_PIXELS, _ROUND_PHOTOS = 2**14, 64
_AT_ONCE = 256
"""Photos decoded before the next are asked for: what does not fit is refused without decoding all."""


class PackedPhotos(NamedTuple):
    """Photos of at least a crop's size, one after the other; arrays of NumPy or of JAX.

    Attributes:
        pixels: uint32 [P], rows of all photos, red + 2⁸ green + 2¹⁶ blue; zeros behind the last.
        offsets: int32 [N], where each photo begins in `pixels`.
        heights: int32 [N], in pixels.
        widths: int32 [N].
        cumulative: float32 [N], the share of the crops that come from a photo or one before it; 1 behind the last.
        count: int32 [], photos; what stands behind them in the arrays is never drawn.
    """

    pixels: Any
    offsets: Any
    heights: Any
    widths: Any
    cumulative: Any
    count: Any


def pack_photos(
    source: PhotoSource,
    *,
    size: int,
    weight: CropWeight,
    limit_bytes: int,
    tell: Callable[[str], object],
    room: tuple[int, int] | None = None,
) -> PackedPhotos:
    """Decodes all photos in threads and packs them; takes twice their packed size of the host's memory for a moment.

    Args:
        source: the photos; those that cannot be decoded are left out.
        size: side of the crops in pixels; smaller photos are mirrored at their borders first.
        weight: whether every photo gives equally many crops, or as many as its area says.
        limit_bytes: what the packed photos may take.
        tell: called with one line for each photo that was left out.
        room: least lengths P and N of the arrays. None rounds up a little: programs are compiled for lengths, and a few
            photos more need no other program.

    Raises:
        ValueError: they do not fit, or none can be decoded.
    """
    limit = min(limit_bytes // _BYTES, MOST_PIXELS)
    parts: list[np.ndarray] = []
    shapes: list[tuple[int, int]] = []
    used = 0
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for start in range(0, len(source), _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, len(source)))
            for outcome in threads.map(lambda number: _packed(source, number, size), numbers):
                if isinstance(outcome, ImageError):
                    tell(f"{outcome}: not learned from")
                    continue
                shapes.append((outcome.shape[0], outcome.shape[1]))
                parts.append(outcome.reshape(-1))
                used += outcome.size
            if used > limit:
                raise ValueError(_too_many(numbers.stop, len(source), used, limit))
    if not parts:
        raise ValueError(f"none of the {len(source)} photos for training can be decoded")
    length, places = room or (min(_rounded(used, _ROUND_PIXELS), limit), _rounded(len(parts), _ROUND_PHOTOS))
    parts.append(np.zeros(max(0, min(length, MOST_PIXELS) - used), np.uint32))
    return _with_places(np.concatenate(parts), shapes, max(places, len(shapes)), weight)


def _packed(source: PhotoSource, number: int, size: int) -> np.ndarray | ImageError:
    """One photo as words, uint32 [H, W]."""
    try:
        photo = extend(source[number], size)
    except ImageError as error:
        return error
    words = photo[..., 2].astype(np.uint32)
    for channel in (1, 0):
        words <<= np.uint32(8)
        words |= photo[..., channel]
    return words


def _with_places(
    pixels: np.ndarray, shapes: Sequence[tuple[int, int]], places: int, weight: CropWeight
) -> PackedPhotos:
    heights, widths = np.array(shapes, np.int64).T
    areas = heights * widths
    shares = areas if weight == "area" else np.ones(len(shapes))
    cumulative = np.cumsum(shares, dtype=np.float64) / np.sum(shares, dtype=np.float64)
    cumulative[-1] = 1
    missing = places - len(shapes)

    def padded(values: np.ndarray, dtype: type, filling: float) -> np.ndarray:
        return np.concatenate([values.astype(dtype), np.full(missing, filling, dtype)])

    return PackedPhotos(
        pixels,
        padded(np.cumsum(areas) - areas, np.int32, 0),
        padded(heights, np.int32, 0),
        padded(widths, np.int32, 0),
        padded(cumulative, np.float32, 1),
        np.array(len(shapes), np.int32),
    )


def _rounded(amount: int, least: int) -> int:
    """Up to a multiple of a sixteenth of the next power of two, so by an eighth at most, but to `least` at least."""
    step = max(least, (1 << amount.bit_length()) // 16)
    return -(-amount // step) * step


def _too_many(seen: int, count: int, used: int, limit: int) -> str:
    needed = used * count / seen * _BYTES / _MIB
    about = "" if seen == count else "about "
    advice = "give a larger --photo-memory, or" if limit < MOST_PIXELS else "that is all a device can hold here:"
    return (
        f"the {count} photos take {about}{needed:,.0f} MiB of each device's memory, more than the "
        f"{limit * _BYTES / _MIB:,.0f} of --photo-memory: {advice} leave out --photos-on-device"
    )
