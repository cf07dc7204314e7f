"""PNG at any depth, with a colour profile, Exif and XMP."""

from __future__ import annotations

import zlib

import imagecodecs
import numpy as np

from cca_jax.image_io.photo import Metadata
from cca_jax.image_io.srgb_profile import srgb_profile

_HEADER_END = 33  # signature and IHDR
_LEVEL = 6
_PERCEPTUAL = b"\0"


def encode(samples: np.ndarray, metadata: Metadata) -> bytes:
    """The bytes of a file.

    Args:
        samples: uint8 or uint16 [H, W], or [H, W, C] of grey and alpha, RGB, or RGB and alpha.
        metadata: the profile is that of these samples; sRGB's is written as the chunk of that name.
    """
    encoded = imagecodecs.png_encode(np.ascontiguousarray(samples), level=_LEVEL)
    chunks = []
    if metadata.icc is not None:
        is_srgb = metadata.icc == srgb_profile()
        profile = b"ICC profile\0\0" + zlib.compress(metadata.icc, 9)
        chunks.append(_chunk(b"sRGB", _PERCEPTUAL) if is_srgb else _chunk(b"iCCP", profile))
    if metadata.exif is not None:
        chunks.append(_chunk(b"eXIf", metadata.exif))
    if metadata.xmp is not None:
        compressed = b"\1\0\0\0" + zlib.compress(metadata.xmp, 9)
        chunks.append(_chunk(b"iTXt", b"XML:com.adobe.xmp\0" + compressed))
    return b"".join([encoded[:_HEADER_END], *chunks, encoded[_HEADER_END:]])


def _chunk(name: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")
