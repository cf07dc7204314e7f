"""HEIF (HEIC), by pillow_heif, which is an extra."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from cca_jax import install_hint
from cca_jax.image_io.errors import ImageError
from cca_jax.image_io.formats import avif, pillow
from cca_jax.image_io.formats.raster import Metadata, Raster, full_range, split
from cca_jax.image_io.formats.structures import exif


def decode(data: bytes) -> Raster:
    """Decodes the primary picture, wherever it stands in the file.

    Raises:
        ImageError: pillow_heif is missing.
        Exception: whatever the decoder raises where the file is damaged.
    """
    try:
        import pillow_heif
    except ImportError:
        raise ImageError(f"is HEIC, which takes pillow_heif: {install_hint('heic')}") from None
    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=False)
    image = file[file.primary_index]
    pillow.check_size(*image.size)
    info = cast("dict[str, Any]", image.info)
    depth = int(info.get("bit_depth", 8))
    pixels = np.asarray(image)
    if pixels.dtype == np.uint16:  # the file's bits, moved up to the top of 16
        pixels = full_range(pixels >> (16 - depth), (1 << depth) - 1)
    samples, model, alpha = split(pixels)
    tags, icc = exif.as_tiff(info.get("exif")), info.get("icc_profile")
    codes = info.get("nclx_profile")
    notes = [f"holds {len(file)} pictures, of which only the main one was taken"] if len(file) > 1 else []
    stated = avif.statements(
        icc, None if codes is None else (int(codes["color_primaries"]), int(codes["transfer_characteristics"]))
    )
    return Raster(
        samples,
        model,
        depth=depth,
        alpha=alpha,
        premultiplied="a" in image.mode,
        statements=stated or pillow.exif_statements(tags, notes),
        # The decoder has turned it: what Exif says of that does not count in HEIF.
        metadata=Metadata(icc or None, tags, info.get("xmp") or None),
        notes=notes,
    )
