"""RGB to the YCbCr planes that video encoders take, and back: BT.709, full range, 4:4:4, 10 bits.

With 10 bits the conversion returns every 8-bit colour exactly, so it costs no quality. An encoder that computes in 10
bits anyway loses nothing by it.
"""

from __future__ import annotations

import numpy as np

BIT_DEPTH = 10

_PEAK = 2**BIT_DEPTH - 1
_MIDDLE = 2 ** (BIT_DEPTH - 1)
_RED, _BLUE = 0.2126, 0.0722  # ITU-R BT.709-6, 3.2
_GREEN = 1 - _RED - _BLUE
# Rows Y, Cb, Cr of R, G, B in 0..1; Cb and Cr are in -1/2..1/2.
_FROM_RGB = np.array(
    [
        [_RED, _GREEN, _BLUE],
        [-_RED / (2 * (1 - _BLUE)), -_GREEN / (2 * (1 - _BLUE)), 0.5],
        [0.5, -_GREEN / (2 * (1 - _RED)), -_BLUE / (2 * (1 - _RED))],
    ]
)
_TO_RGB = np.linalg.inv(_FROM_RGB)
_OFFSETS = np.array([0, _MIDDLE, _MIDDLE]).reshape(3, 1, 1)


def planes_from_rgb(pixels: np.ndarray) -> np.ndarray:
    """Y, Cb and Cr, uint16 [3, H, W] in 0..1023 (chroma around 512), of uint8 [H, W, 3]; rounded, not cut off."""
    planes = np.einsum("pc,hwc->phw", _FROM_RGB, pixels / 255.0) * _PEAK + _OFFSETS
    return np.clip(np.rint(planes), 0, _PEAK).astype(np.uint16)


def rgb_from_planes(planes: np.ndarray) -> np.ndarray:
    """The uint8 [H, W, 3] that is nearest to planes uint16 [3, H, W]."""
    pixels = np.einsum("cp,phw->hwc", _TO_RGB, (planes.astype(np.float64) - _OFFSETS) / _PEAK) * 255
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
