"""TIFF at any depth, with a colour profile, Exif and XMP: Pillow's directories around deflated strips."""

from __future__ import annotations

import io
import zlib

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from PIL.TiffTags import TAGS_V2_GROUPS

from cca_jax.image_io.photo import Metadata

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_OFFSETS, _CHANNELS, _ROWS, _BYTES, _PREDICTOR, _EXTRA = 273, 277, 278, 279, 317, 338
_XMP, _ICC = 700, 34675
_DEFLATE, _HORIZONTAL, _STRAIGHT_ALPHA = 8, 2, 2
_BYTE, _UNDEFINED = 1, 7
_STRIP_BYTES = 1 << 18
_OF_THE_SAMPLES = {254, 255, *range(256, 260), *range(262, 267), 273, 274, *range(277, 282), 284, *range(288, 294), 301}
_OF_THE_SAMPLES |= {*range(317, 326), *range(330, 348), *range(512, 533), _XMP, _ICC}
"""Tags that describe another file's samples, or that are written here."""


def encode(samples: np.ndarray, metadata: Metadata) -> bytes:
    """The bytes of a file.

    Args:
        samples: uint8 or uint16 [H, W], or [H, W, C] of grey and alpha, RGB, or RGB and alpha.
        metadata: the profile is that of these samples.
    """
    pixels = samples.reshape(*samples.shape[:2], -1)
    if pixels.shape[2] == 2 and pixels.dtype == np.uint16:  # which few can read
        pixels = pixels[..., [0, 0, 0, 1]]
    height, width, channels = pixels.shape
    directory = ImageFileDirectory_v2()
    _add_exif(directory, metadata.exif)
    strips = _strips(pixels)
    directory[_WIDTH], directory[_HEIGHT] = width, height
    directory[_BITS] = (8 * pixels.itemsize,) * channels
    directory[_COMPRESSION], directory[_PREDICTOR] = _DEFLATE, _HORIZONTAL
    directory[_PHOTOMETRIC] = 2 if channels > 2 else 1
    directory[_CHANNELS], directory[_ROWS] = channels, _rows_of_a_strip(pixels)
    if channels in (2, 4):
        directory[_EXTRA] = _STRAIGHT_ALPHA
    lengths = [len(strip) for strip in strips]
    directory[_BYTES] = tuple(lengths)
    # Counted from the end of the directories: Pillow adds where that is.
    directory[_OFFSETS] = tuple(int(end) - lengths[0] for end in np.cumsum([lengths[0], *lengths[:-1]]))
    for tag, kind, content in ((_ICC, _UNDEFINED, metadata.icc), (_XMP, _BYTE, metadata.xmp)):
        if content is not None:
            directory.tagtype[tag] = kind
            directory[tag] = content
    buffer = io.BytesIO()
    directory.save(buffer)
    return b"".join([buffer.getvalue(), *strips])


def _add_exif(directory: ImageFileDirectory_v2, exif: bytes | None) -> None:
    if exif is None:
        return
    tags = Image.Exif()
    tags.load(exif)
    for tag in tags:
        if tag not in _OF_THE_SAMPLES:
            directory[tag] = tags.get_ifd(tag) if tag in TAGS_V2_GROUPS else tags[tag]


def _rows_of_a_strip(pixels: np.ndarray) -> int:
    return max(1, min(len(pixels), _STRIP_BYTES // pixels[0].nbytes))


def _strips(pixels: np.ndarray) -> list[bytes]:
    """The rows, each sample less the one to its left, in strips that are deflated."""
    rows = _rows_of_a_strip(pixels)
    strips = []
    for first in range(0, len(pixels), rows):
        strip = pixels[first : first + rows]
        differences = np.diff(strip, axis=1, prepend=np.zeros_like(strip[:, :1]))
        strips.append(zlib.compress(differences.astype(strip.dtype.newbyteorder("<")).tobytes(), 6))
    return strips
