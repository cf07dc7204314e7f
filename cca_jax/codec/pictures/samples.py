"""Samples of 8 and of 16 bits, which take all of their type's range, and the units that the networks work in."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

_WIDENED = 257  # 65535 / 255


def in_levels(samples: np.ndarray) -> UInt8[np.ndarray, "*shape"] | Float[np.ndarray, "*shape"]:
    """Samples as the networks take them, 0 to 255: 8 bits as they are, 16 bits as float32 with their fractions."""
    return samples if samples.dtype == np.uint8 else samples.astype(np.float32) / _WIDENED


def of_unit(x_hat: Float[np.ndarray, "*shape"], dtype: np.dtype | type) -> np.ndarray:
    """What the networks give, clamped to [0, 1], as samples of a type."""
    return np.rint(np.clip(x_hat, 0, 1) * np.float32(np.iinfo(dtype).max)).astype(dtype)


def in_type(samples: np.ndarray, dtype: np.dtype | type) -> np.ndarray:
    """Samples in another type, uint8 or uint16."""
    if samples.dtype == dtype:
        return samples
    if dtype == np.uint16:
        return samples.astype(np.uint16) * np.uint16(_WIDENED)
    return ((samples.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
