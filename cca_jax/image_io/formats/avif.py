"""AVIF: Pillow decodes 8 bits and knows the metadata, imagecodecs decodes 10 and 12 bits."""

from __future__ import annotations

import imagecodecs

from cca_jax.image_io.color.spaces import ColorStatement, IccProfile, coded_space
from cca_jax.image_io.formats import pillow
from cca_jax.image_io.formats.raster import Raster, full_range, split
from cca_jax.image_io.formats.structures import boxes

_HIGH_BIT_DEPTH, _TWELVE_BIT = 0x40, 0x20


def decode(data: bytes) -> Raster:
    """Decodes the primary picture, or the first of a sequence.

    Raises:
        Exception: whatever the decoders raise where the file is damaged.
    """
    properties = boxes.primary_properties(data)
    with pillow.open_image(data, "AVIF") as image:
        notes = pillow.frame_notes(image)
        image.load()
        depth = _depth(properties.configuration)
        if depth == 8:
            decoded = pillow.pixels(image)
        else:
            pixels = imagecodecs.avif_decode(data, 0 if getattr(image, "is_animated", False) else None)
            decoded = split(full_range(pixels, (1 << depth) - 1))
        return pillow.raster(image, decoded, notes, statements(image.info.get("icc_profile"), properties.codes), depth)


def statements(icc: bytes | None, codes: tuple[int, int] | None) -> list[ColorStatement]:
    """A profile before an nclx box, whose range and matrix the decoder has applied (MIAF, ISO/IEC 23000-22)."""
    found: list[ColorStatement] = [IccProfile("ICC profile", icc)] if icc else []
    space = None if codes is None else coded_space("nclx box", *codes)
    return found if space is None else [*found, space]


def _depth(configuration: bytes) -> int:
    if len(configuration) < 3 or not configuration[2] & _HIGH_BIT_DEPTH:
        return 8
    return 12 if configuration[2] & _TWELVE_BIT else 10
