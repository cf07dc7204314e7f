"""JPEG, WebP and AVIF, as Pillow's own libraries write them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import AvifImagePlugin, Image, features
from PIL import __version__ as pillow_version

from eval.codecs.conventional import ConventionalCodec, UnavailableError, held

_AVIF_SPEED = 4


def jpeg() -> ConventionalCodec:
    """Baseline JPEG, 4:2:0, with Huffman tables made for the image."""
    library = ("libjpeg-turbo", "libjpeg_turbo") if features.check("libjpeg_turbo") else ("libjpeg", "jpg")
    return ConventionalCodec(
        name="JPEG",
        version=f"{_library(*library)}, 4:2:0, optimised Huffman tables, 1 thread",
        all_settings=tuple(range(1, 101)),
        settings=(5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 85),
        write=lambda pixels, quality: write(pixels, "JPEG", quality=quality, subsampling="4:2:0", optimize=True),
        read=lambda data: read(data, "JPEG"),
    )


def webp() -> ConventionalCodec:
    """Lossy WebP, 4:2:0 (it knows no other), at its slowest method: the smallest files, still fast.

    Raises:
        UnavailableError: this Pillow has no WebP.
    """
    if not features.check("webp"):
        raise UnavailableError("this Pillow was built without WebP: install a wheel of Pillow from the package index")
    return ConventionalCodec(
        name="WebP",
        version=f"{_library('libwebp', 'webp')}, 4:2:0, method 6, 1 thread",
        all_settings=tuple(range(101)),
        settings=(0, 5, 10, 20, 35, 50, 65, 75, 82, 88),
        write=lambda pixels, quality: write(pixels, "WEBP", quality=quality, method=6),
        read=lambda data: read(data, "WEBP"),
    )


def avif() -> ConventionalCodec:
    """AVIF by libaom, 4:4:4, 8 bits, BT.601 full range, tuned for PSNR.

    Chosen on Kodak's photo 15, at equal rate: 4:4:4 is 0.1 (low rate) to 0.6 dB (high rate) above 4:2:0, and VTM and
    BPG are compared so; tuning for PSNR is 0.4 to 0.8 dB above libavif's own default, which is perceptual; speed 4 is
    0.4 dB above the default 6.

    Raises:
        UnavailableError: this Pillow cannot write AVIF.
    """
    if not features.check("avif") or not AvifImagePlugin.SUPPORTED:
        raise UnavailableError("this Pillow was built without AVIF: install a wheel of Pillow from the package index")
    options = {"subsampling": "4:4:4", "speed": _AVIF_SPEED, "codec": "aom", "advanced": {"tune": "psnr"}}

    def read_avif(data: bytes) -> np.ndarray:
        with held(AvifImagePlugin, "DEFAULT_MAX_THREADS", 1):
            return read(data, "AVIF")

    return ConventionalCodec(
        name="AVIF",
        version=f"{_library('libavif', 'avif')}, aom, 4:4:4, speed {_AVIF_SPEED}, tuned for PSNR, 1 thread",
        all_settings=tuple(range(101)),
        settings=(10, 18, 26, 34, 42, 50, 58, 66, 74),
        write=lambda pixels, quality: write(pixels, "AVIF", quality=quality, max_threads=1, **options),
        read=read_avif,
    )


def write(pixels: np.ndarray, pillow_format: str, **options: Any) -> bytes:
    """The whole file that Pillow writes of uint8 [H, W, 3]."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=pillow_format, **options)
    return buffer.getvalue()


def read(data: bytes, pillow_format: str) -> np.ndarray:
    """The pixels uint8 [H, W, 3] of a file in a format."""
    with Image.open(io.BytesIO(data), formats=(pillow_format,)) as image:
        return np.array(image.convert("RGB"))


def _library(name: str, feature: str) -> str:
    return f"{name} {features.version(feature) or 'unknown'} in Pillow {pillow_version}"
