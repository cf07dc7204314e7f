"""The few images that the page shows: each with what every codec makes of it at one size."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from cca_jax.cli.figures import bits_per_pixel
from cca_jax.objective.metrics import fidelity
from eval.report.bitmaps import BitMaps

Item = TypeVar("Item")


@dataclass(frozen=True)
class Version:
    """One reconstruction of an image.

    Attributes:
        codec: its name.
        setting: in words, "quality 12"; empty for a codec of a single rate.
        num_bytes: length of the whole file.
        psnr: decibels; infinite where it equals the original.
        ms_ssim: 0 to 1; None where the image is too small.
        pixels: uint8 [H, W, 3].
        note: what a reader must know of its size, one line; empty for none.
        bits: where the file's bits go; None where the codec cannot tell.
    """

    codec: str
    setting: str
    num_bytes: int
    psnr: float
    ms_ssim: float | None
    pixels: UInt8[np.ndarray, "H W 3"]
    note: str = ""
    bits: BitMaps | None = None

    @property
    def bits_per_pixel(self) -> float:
        """Bits of the whole file over the original's pixels."""
        return bits_per_pixel(self.num_bytes, *self.pixels.shape[:2])


@dataclass(frozen=True)
class Picture:
    """An image and its reconstructions.

    Attributes:
        name: of the image.
        original: uint8 [H, W, 3].
        versions: in the order that they are offered, ours first.
    """

    name: str
    original: UInt8[np.ndarray, "H W 3"]
    versions: tuple[Version, ...]


def make_version(
    original: UInt8[np.ndarray, "H W 3"],
    codec: str,
    setting: str,
    num_bytes: int,
    pixels: UInt8[np.ndarray, "H W 3"],
    *,
    note: str = "",
    bits: BitMaps | None = None,
) -> Version:
    """A reconstruction with its figures; the fields are those of `Version`."""
    psnr, ms_ssim = fidelity(original, pixels)
    return Version(codec, setting, num_bytes, psnr, ms_ssim, pixels, note, bits)


def data_uri(pixels: UInt8[np.ndarray, "H W 3"]) -> str:
    """An image as a data: URI that every browser shows without loss: WebP, or PNG beyond WebP's 16383 pixels a side.

    Args:
        pixels: uint8 [H, W, 3].
    """
    buffer = io.BytesIO()
    if max(pixels.shape[:2]) < 1 << 14:
        Image.fromarray(pixels).save(buffer, "WEBP", lossless=True, quality=60, method=3)
        kind = "webp"
    else:
        Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
        kind = "png"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
