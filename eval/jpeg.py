"""JPEG at the size of another file: the comparison that everyone can judge by eye."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from PIL import Image


class JpegResult(NamedTuple):
    """A JPEG file and what it decodes to."""

    data: bytes
    """The whole file."""

    quality: int
    """Pillow's quality, 1 to 100."""

    pixels: np.ndarray
    """uint8 [H,W,3]."""


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """A baseline JPEG, 4:2:0, with Huffman tables made for the image, as Pillow's libjpeg-turbo writes it.

    Args:
        image: uint8 [H,W,3].
        quality: 1 to 100.

    Returns:
        The whole file.
    """
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=quality, subsampling="4:2:0", optimize=True)
    return buffer.getvalue()


def jpeg_at_most(image: np.ndarray, max_bytes: int) -> JpegResult:
    """The best JPEG that is not larger than a given size.

    Sizes grow with quality, since its quantiser steps shrink, so the quality is found by bisection.

    Args:
        image: uint8 [H,W,3].
        max_bytes: size of the file to match, bytes.

    Returns:
        The JPEG of the largest quality of at most `max_bytes`. Where even quality 1 is larger, that of quality 1:
        compare `len(result.data)` with `max_bytes`.

    Raises:
        ValueError: the image is not uint8 [H,W,3].
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"expected an image uint8 [H,W,3] but got {image.dtype} {list(image.shape)}")
    best, data = 1, encode_jpeg(image, 1)
    low, high = 2, 100
    while low <= high:
        middle = (low + high) // 2
        candidate = encode_jpeg(image, middle)
        if len(candidate) <= max_bytes:
            best, data, low = middle, candidate, middle + 1
        else:
            high = middle - 1
    with Image.open(io.BytesIO(data)) as decoded:
        return JpegResult(data, best, np.array(decoded.convert("RGB")))
