"""High dynamic range to the range of a standard display, whose white is 203 cd/m² (ITU-R BT.2408).

The curve is the one of ITU-R BT.2390, section 5.4.1, applied to the largest of red, green and blue, so that their
ratios stay. What is darker than about half of white keeps its light; the brightest that the picture has becomes white.
"""

from __future__ import annotations

import numpy as np

from cca_jax.image_io.color.primaries import Primaries, to_xyz_matrix
from cca_jax.image_io.color.transfer import pq_light, pq_signal

WHITE = 203.0
"""The light of diffuse white, cd/m²."""

_PQ_PEAK = 10_000.0
_HLG_PEAK = 1000.0
_HLG_GAMMA = 1.2
"""Of the display for which BT.2100 defines HLG."""


def display_light(light: np.ndarray, kind: str, primaries: Primaries) -> np.ndarray:
    """Light in cd/m² of what `Transfer.light` gives for PQ or HLG; [..., 3]."""
    if kind == "pq":
        return light * _PQ_PEAK
    luminance = light @ to_xyz_matrix(primaries)[1].astype(light.dtype)
    return _HLG_PEAK * luminance[..., None] ** (_HLG_GAMMA - 1) * light


def fit(light: np.ndarray, peak: float) -> np.ndarray:
    """Fits light to a standard display.

    Args:
        light: [..., 3], cd/m², not negative.
        peak: the largest of it in the whole picture.

    Returns:
        [..., 3], 1 where a channel is the display's white.
    """
    if peak <= WHITE:
        return light / WHITE
    largest = light.max(axis=-1, keepdims=True)
    mapped = _curve(largest, peak)
    scale = np.divide(mapped, largest, out=np.zeros_like(largest), where=largest > 0)
    return light * scale / WHITE


def _curve(light: np.ndarray, peak: float) -> np.ndarray:
    """BT.2390's electrical-electrical transfer function, from a peak to `WHITE`; black stays black."""
    most = pq_signal(np.array(peak / _PQ_PEAK))
    signal = pq_signal(light / _PQ_PEAK) / most
    target = pq_signal(np.array(WHITE / _PQ_PEAK)) / most
    knee = 1.5 * target - 0.5
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * target
    return pq_light(np.where(signal < knee, signal, spline) * most) * _PQ_PEAK
