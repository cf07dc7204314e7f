"""Colours that nobody sees, under full transparency: replaced by ones that cost nothing to code.

Pull and push (Gortler, Grzeszczuk, Szeliski and Cohen, "The Lumigraph", 1996): the picture is halved again and again,
each pixel the mean of those below it that are seen; then what is hidden takes its colour from the next smaller picture,
interpolated. So it goes on smoothly from the nearest colours that are seen, and no edge remains where transparency
begins.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_MARGIN = 64
"""Pixels around what is hidden that decide how it is filled."""


def fill_hidden(pixels: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """A picture whose colours do not matter where alpha is 0; those that are seen stay as they are.

    Args:
        pixels: uint8 or uint16 [H, W, 3].
        alpha: [H, W], 0 where nothing is seen; None for an opaque picture, which is returned as it is.

    Returns:
        An array of the same type; all 0 where nothing is seen anywhere.
    """
    if alpha is None or alpha.all():
        return pixels
    hidden = alpha == 0
    if hidden.all():
        return np.zeros_like(pixels)
    rows, columns = (_span(hidden.any(axis)) for axis in (1, 0))
    part, covered = pixels[rows, columns], hidden[rows, columns]
    filled = pixels.copy()
    smooth = _pull_push(part.astype(np.float32), ~covered)
    filled[rows, columns] = np.where(covered[..., None], np.rint(smooth).astype(pixels.dtype), part)
    return filled


def _span(present: np.ndarray) -> slice:
    """From the first to the last of what is present, and a margin."""
    places = np.flatnonzero(present)
    return slice(max(0, int(places[0]) - _MARGIN), int(places[-1]) + 1 + _MARGIN)


def _pull_push(values: Float[np.ndarray, "H W 3"], known: np.ndarray) -> Float[np.ndarray, "H W 3"]:
    """Values [H, W, 3] that are as given where they are known, bool [H, W], and smooth elsewhere; some must be."""
    if known.all():
        return values
    smaller = _pull_push(*_halved(values, known))
    return np.where(known[..., None], values, _doubled(smaller)[: values.shape[0], : values.shape[1]])


def _halved(values: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of the known values of each 2×2 pixels, and whether there are any."""
    odd = [(0, side % 2) for side in known.shape]
    weight = np.pad(known, odd).astype(np.float32)[..., None]
    weighted = np.pad(values, [*odd, (0, 0)]) * weight
    total, count = (_summed(array) for array in (weighted, weight))
    return total / np.maximum(count, 1), count[..., 0] > 0


def _summed(array: np.ndarray) -> np.ndarray:
    height, width, channels = array.shape
    return array.reshape(height // 2, 2, width // 2, 2, channels).sum((1, 3))


def _doubled(values: np.ndarray) -> np.ndarray:
    """Twice the resolution, each pixel three parts of the nearest and one of the next along either side."""
    for axis in (0, 1):
        last = values.shape[axis] - 1
        before, after = (
            np.take(values, np.clip(np.arange(last + 1) + step, 0, last), axis).astype(np.float32) for step in (-1, 1)
        )
        pair = np.stack([0.75 * values + 0.25 * before, 0.75 * values + 0.25 * after], axis + 1)
        values = pair.reshape(*values.shape[:axis], 2 * (last + 1), *values.shape[axis + 1 :])
    return values
