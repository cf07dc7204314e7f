"""What people report of a decoded picture: mean squared error, PSNR and MS-SSIM.

Everything but `fidelity` is a pure function of JAX arrays [B,H,W,C] that can be jitted and, for floating dtypes,
differentiated in reverse mode. Every metric is per image, [B]: the project reports means of per-image values.

MS-SSIM: Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality assessment" (Asilomar 2003) as
the field computes it, with the package pytorch-msssim: the product over scales is taken a channel at a time, the mean
over channels comes last, and an odd side is padded with one row of zeros before it is halved.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, UInt8

from cca_jax.compile_cache.programs import find
from cca_jax.objective.gaussian_window import blur

MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the five scales, finest first."""

MS_SSIM_MIN_SIDE = 176
"""Shortest side in pixels that MS-SSIM accepts: the window's 11 taps at the coarsest of five scales, 11 · 2⁴."""

_K1, _K2 = 0.01, 0.03
_CONTINUED_BELOW = 0.1


class Fidelity(NamedTuple):
    """How close a decoded image is to its original."""

    psnr: float
    """Decibels; infinite for identical images."""

    ms_ssim: float | None
    """0 to 1; None where the short side is under `MS_SSIM_MIN_SIDE` pixels."""


def mse(a: Num[Array, "b h w c"], b: Num[Array, "b h w c"]) -> Float[Array, " b"]:
    """Mean squared error of each image.

    Args:
        a: images [B,H,W,C], any scale, integer or floating.
        b: images of the same shape, on the same scale.

    Returns:
        [B], in squared units of the input, at least float32.

    Raises:
        ValueError: the shapes differ or are not [B,H,W,C].
    """
    _check_shapes(a, b)
    difference = _floating(a) - _floating(b)
    # One axis at a time: a single float32 sum over a photo's million pixels loses the fourth decimal of a decibel.
    by_pixel = jnp.mean(difference * difference, axis=3)
    return jnp.mean(jnp.mean(by_pixel, axis=2), axis=1)


def psnr(a: UInt8[Array, "b h w c"], b: UInt8[Array, "b h w c"]) -> Float[Array, " b"]:
    """Peak signal-to-noise ratio of each 8-bit image, 10·log10(255² / MSE).

    Only 8-bit arrays are taken, because a PSNR of values that were not rounded flatters the codec: round first.

    Args:
        a: images [B,H,W,C], uint8.
        b: images of the same shape, uint8.

    Returns:
        [B], decibels; infinite where the two images are identical.

    Raises:
        ValueError: the shapes differ or are not [B,H,W,C], or an array is not uint8.

    Examples:
        >>> black = jnp.zeros((1, 8, 8, 3), jnp.uint8)
        >>> float(psnr(black, black + 255)[0])
        0.0
    """
    for array in (a, b):
        if array.dtype != jnp.uint8:
            raise ValueError(f"psnr compares 8-bit images but got {array.dtype}: clip, round and cast to uint8 first")
    return 20.0 * math.log10(255.0) - 10.0 * jnp.log10(mse(a, b))


def ms_ssim(
    x: Num[Array, "b h w c"], y: Num[Array, "b h w c"], data_range: float = 1.0, *, continued: bool = False
) -> Float[Array, " b"]:
    """Multiscale structural similarity of each image, equal to pytorch-msssim's to 1e-4.

    Five scales, an 11-tap Gaussian window of σ 1.5 applied without padding, K1 0.01 and K2 0.03. A negative
    contrast-structure term counts as zero, in the value and in the gradient.

    Args:
        x: images [B,H,W,C], 0 to `data_range`; the short side has at least `MS_SSIM_MIN_SIDE` pixels.
        y: images of the same shape, on the same scale.
        data_range: the scale's length: 1.0 for floating images 0 to 1, 255.0 for 8-bit ones.
        continued: for training. A scale's term under 0.1 then falls exponentially towards 0, instead of linearly to 0
            and no further: pictures that have nothing in common yet get a gradient. The rest is the same.

    Returns:
        [B], 0 to 1; 1 where the two images are identical.

    Raises:
        ValueError: the shapes differ or are not [B,H,W,C], an image is too small, or integers came with a `data_range`
            that cannot be theirs.
    """
    _check_shapes(x, y)
    side = min(x.shape[1:3])
    if side < MS_SSIM_MIN_SIDE:
        raise ValueError(
            f"MS-SSIM needs at least {MS_SSIM_MIN_SIDE} pixels on the short side (11 taps over five scales) "
            f"but the image has {side}: use a larger image, or report PSNR"
        )
    if data_range <= 1.0 and any(jnp.issubdtype(array.dtype, jnp.integer) for array in (x, y)):
        raise ValueError(
            f"integer images with data_range {data_range}: pass data_range=255.0, or scale them to 0-1 floats"
        )
    x, y = _floating(x), _floating(y)
    power, factors = _continued_power if continued else _clipped_power, []
    for scale, weight in enumerate(MS_SSIM_WEIGHTS):
        luminance, contrast_structure = _ssim_terms(x, y, data_range)
        last = scale == len(MS_SSIM_WEIGHTS) - 1
        # Luminance counts at the coarsest scale only, multiplied in before the average over pixels.
        term = jnp.mean(luminance * contrast_structure if last else contrast_structure, axis=(1, 2))
        factors.append(power(term, weight))
        if not last:
            x, y = _halve(x), _halve(y)
    return jnp.mean(functools.reduce(jnp.multiply, factors), axis=1)


def ms_ssim_db(value: Float[Array, "*any"]) -> Float[Array, "*any"]:
    """MS-SSIM on the decibel scale that spreads out values near one, -10·log10(1 - value).

    Args:
        value: MS-SSIM, 0 to 1, any shape. Average the decibels of images, not the decibels of an average.

    Returns:
        Decibels, same shape; infinite where the value is 1 (identical images, or closer than the dtype can tell).
    """
    return -10.0 * jnp.log10(jnp.maximum(1.0 - value, 0.0))


def fidelity(reference: np.ndarray, decoded: np.ndarray) -> Fidelity:
    """PSNR and MS-SSIM of one decoded image, as numbers for a report.

    Args:
        reference: the original, uint8 [H,W,3], on the host.
        decoded: what came back, uint8 of the same shape.

    Returns:
        The two metrics; MS-SSIM is None for an image too small to have one.

    Raises:
        ValueError: the shapes differ or are not [H,W,C], or an array is not uint8.
    """
    if reference.shape != decoded.shape or reference.ndim != 3:
        raise ValueError(f"expected two images [H,W,C] of one size but got {reference.shape} and {decoded.shape}")
    a, b = jnp.asarray(reference)[None], jnp.asarray(decoded)[None]
    similarity = None
    if min(reference.shape[:2]) >= MS_SSIM_MIN_SIDE:
        similarity = float(find(_ms_ssim_8bit, (a, b))()[0])
    return Fidelity(psnr=float(psnr(a, b)[0]), ms_ssim=similarity)


@jax.jit
def _ms_ssim_8bit(a: Array, b: Array) -> Array:
    return ms_ssim(a, b, data_range=255.0)


def _check_shapes(a: Array, b: Array) -> None:
    if a.shape != b.shape or a.ndim != 4:
        raise ValueError(f"expected two batches [B,H,W,C] of one shape but got {a.shape} and {b.shape}")


def _floating(x: Array) -> Array:
    """At least float32: half precision cannot hold the difference of two second moments."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _ssim_terms(x: Array, y: Array, data_range: float) -> tuple[Array, Array]:
    """Maps of the luminance and of the contrast-structure term, each [B,H-10,W-10,C]."""
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    # One blur of five stacked arrays, not five blurs: a fifth of the program to compile.
    moments = blur(jnp.concatenate([x, y, x * x, y * y, x * y]))
    mean_x, mean_y, square_x, square_y, product = jnp.split(moments, 5)
    var_x, var_y = square_x - mean_x * mean_x, square_y - mean_y * mean_y
    covariance = product - mean_x * mean_y
    luminance = (2.0 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1)
    return luminance, (2.0 * covariance + c2) / (var_x + var_y + c2)


def _clipped_power(base: Array, exponent: float) -> Array:
    """max(base, 0) ** exponent, whose gradient is 0 (not infinite times zero) where the base was clipped."""
    positive = base > 0.0
    return jnp.where(positive, jnp.where(positive, base, 1.0) ** exponent, 0.0)


def _continued_power(base: Array, exponent: float) -> Array:
    """A power, continued below `_CONTINUED_BELOW` with the same value and slope by an exponential of base."""
    below = jnp.minimum(base / _CONTINUED_BELOW, 1.0) - 1.0
    return jnp.maximum(base, _CONTINUED_BELOW) ** exponent * jnp.exp(exponent * below)


def _halve(x: Array) -> Array:
    """Mean of 2×2 pixels. An odd side gets a row of zeros in front, which counts in the mean as in pytorch-msssim."""
    _, height, width, _ = x.shape
    x = jnp.pad(x, ((0, 0), (height % 2, 0), (width % 2, 0), (0, 0)))
    batch, height, width, channels = x.shape
    return jnp.mean(x.reshape(batch, height // 2, 2, width // 2, 2, channels), axis=(2, 4))
