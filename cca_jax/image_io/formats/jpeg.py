"""JPEG: also files that lack their end marker, or go on behind it, as MPO does with further pictures."""

from __future__ import annotations

import imagecodecs
import numpy as np
from PIL import UnidentifiedImageError

from cca_jax.image_io.errors import ImageError
from cca_jax.image_io.formats import pillow
from cca_jax.image_io.formats.raster import Raster, full_range, split
from cca_jax.image_io.formats.structures import jpeg_segments

_ADOBE = b"\xff\xee\x00\x0eAdobe"
_END_MARKER = b"\xff\xd9"


def decode(data: bytes) -> Raster:
    """Decodes the first picture of a file.

    Raises:
        ImageError: it is cut short.
        Exception: whatever the decoder raises where the file is damaged.
    """
    note = ""
    if not data.endswith(_END_MARKER):
        structure = jpeg_segments.parse(data)
        if not structure.ended:
            # Pillow takes the zeros with which an unfinished download was filled up for samples, so it cannot tell.
            if not jpeg_segments.is_whole(data, structure, _pixels):
                raise ImageError("is cut short: get a whole copy")
            data = jpeg_segments.without_fill(data) + _END_MARKER
            note = "lacks its end marker, but no pixel"
    try:
        raster = pillow.decode(data, "JPEG")
    except UnidentifiedImageError:
        structure = jpeg_segments.parse(data)
        if structure.depth <= 8:
            raise
        return _decode_deep(data, structure)
    if raster.model == "cmyk" and _ADOBE not in data:
        raster.samples = 255 - raster.samples  # Pillow takes all inks to be inverted, which is Adobe's way alone
    raster.notes += [note] if note else []
    return raster


def _pixels(data: bytes) -> np.ndarray:
    with pillow.open_image(data, "JPEG") as image:
        return np.asarray(image)


def _decode_deep(data: bytes, structure: jpeg_segments.Structure) -> Raster:
    """More than 8 bits a sample, which Pillow does not decode; all else it reads, if it believes them to be 8."""
    pillow.check_size(*structure.size)
    decoded = split(full_range(imagecodecs.jpeg8_decode(data), (1 << structure.depth) - 1))
    disguised = data[: structure.depth_at] + b"\x08" + data[structure.depth_at + 1 :]
    with pillow.open_image(disguised, "JPEG") as image:
        return pillow.raster(image, decoded, pillow.frame_notes(image), depth=structure.depth)
