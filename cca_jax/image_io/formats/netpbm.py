"""PBM, PGM, PPM and PAM; Pillow reads them, except colours of more than 8 bits, which it reduces."""

from __future__ import annotations

import re

import numpy as np

from cca_jax.image_io.formats import pillow
from cca_jax.image_io.formats.raster import Raster, full_range

_SPACE = rb"(?:\s+|#[^\n\r]*[\n\r])+"
_PPM_HEADER = re.compile(
    rb"P([36])" + _SPACE + rb"(\d+)" + _SPACE + rb"(\d+)" + _SPACE + rb"(\d+)(?:\s|#[^\n\r]*[\n\r])"
)


def decode(data: bytes) -> Raster:
    """Decodes the first picture.

    Raises:
        Exception: the file is damaged or cut short.
    """
    header = _PPM_HEADER.match(data[:4096])
    if header is not None and 255 < (most := int(header[4])) <= 65535:
        width, height = int(header[2]), int(header[3])
        pillow.check_size(width, height)
        count = 3 * width * height
        if header[1] == b"6":
            samples = np.frombuffer(data, ">u2", count, header.end()).astype(np.uint16)
        else:
            samples = np.array(data[header.end() :].split(maxsplit=count)[:count], np.int64).astype(np.uint16)
        return Raster(full_range(samples.reshape(height, width, 3), most), "rgb", depth=most.bit_length())
    raster = pillow.decode(data, "PPM")
    if raster.samples.dtype == np.uint16:
        raster.depth = int(re.split(_SPACE, data[:4096])[3]).bit_length()
    return raster
