"""JPEG XL: imagecodecs decodes at the file's depth; what else it says is told by Pillow's plugin, which is an extra."""

from __future__ import annotations

import imagecodecs
import numpy as np

from cca_jax import install_hint
from cca_jax.image_io.errors import ImageError
from cca_jax.image_io.formats import pillow
from cca_jax.image_io.formats.raster import Raster, split


def decode(data: bytes) -> Raster:
    """Decodes the first frame.

    Raises:
        ImageError: the plugin is missing, or the samples are floating-point.
        Exception: whatever the decoders raise where the file is damaged.
    """
    try:
        import pillow_jxl  # noqa: F401 (makes itself known to Pillow)
    except ImportError:
        raise ImageError(f"is JPEG XL, which takes pillow-jxl-plugin: {install_hint('jxl')}") from None
    with pillow.open_image(data, "JXL") as image:
        notes = pillow.frame_notes(image)
        pixels = imagecodecs.jpegxl_decode(data, 0 if notes else None)
        if pixels.dtype not in (np.uint8, np.uint16):
            raise ImageError("holds floating-point samples, whose range is not known: convert it to 8 or 16 bits")
        if image.mode == "CMYK":
            raise ImageError("holds CMYK colours, which are not read: convert it to RGB")
        raster = pillow.raster(image, split(pixels), notes, depth=8 if pixels.dtype == np.uint8 else 16)
    raster.orientation = 1  # the decoder has turned it
    return raster
