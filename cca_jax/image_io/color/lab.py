"""CIE L*a*b* under D50 to sRGB."""

from __future__ import annotations

import numpy as np

from cca_jax.image_io.color.primaries import SRGB_PRIMARIES, Xy, adaptation, to_xyz_matrix
from cca_jax.image_io.color.transfer import encode_srgb

D50: Xy = (0.3457, 0.3585)
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27


def to_srgb(lab: np.ndarray, white: Xy = D50) -> np.ndarray:
    """Signals of sRGB for CIELAB colours.

    Args:
        lab: float [..., 3]: L* 0 to 100, a*, b*.
        white: the white that L* = 100 stands for, as chromaticity.

    Returns:
        float [..., 3], 0 to 1.
    """
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    relative = np.where(f**3 > _EPSILON, f**3, (116 * f - 16) / _KAPPA)
    x, y = white
    xyz = relative * np.array([x / y, 1.0, (1 - x - y) / y], lab.dtype)
    matrix = np.linalg.inv(to_xyz_matrix(SRGB_PRIMARIES)) @ adaptation(white, SRGB_PRIMARIES.white)
    return encode_srgb(xyz @ matrix.T.astype(lab.dtype))


def decode_tiff(samples: np.ndarray, icc_encoding: bool) -> np.ndarray:
    """Samples of sRGB for CIELAB samples as TIFF codes them.

    Args:
        samples: uint8 or uint16 [H, W, 3]. L* takes all of the range. a* and b* are signed, in steps of 1 or 1/256;
            with `icc_encoding` they are not signed but moved by 128, and 16-bit L* ends at 0xFF00.
        icc_encoding: whether photometric 9 coded them instead of 8.

    Returns:
        [H, W, 3] of the same type.
    """
    narrow = samples.dtype == np.uint8
    most = float(np.iinfo(samples.dtype).max)
    step = 1.0 if narrow else 1 / 256
    result = np.empty_like(samples)
    for row in range(0, len(samples), 64):  # in strips: floating point takes four times the memory
        strip = np.ascontiguousarray(samples[row : row + 64])
        values = np.empty(strip.shape, np.float32)
        values[..., 0] = strip[..., 0] * (100 / (0xFF00 if icc_encoding and not narrow else most))
        if icc_encoding:
            values[..., 1:] = strip[..., 1:].astype(np.float32) * step - 128
        else:
            signed = strip[..., 1:].view(np.int8 if narrow else np.int16)
            values[..., 1:] = signed.astype(np.float32) * step
        result[row : row + 64] = to_srgb(values) * most + 0.5
    return result
