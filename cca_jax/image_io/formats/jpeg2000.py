"""JPEG 2000: Pillow decodes 8 bits, imagecodecs more; the colour boxes of JP2 are read here."""

from __future__ import annotations

import struct

import imagecodecs

from cca_jax.image_io.color.spaces import ColorStatement, IccProfile, RgbSpace, coded_space, romm_rgb
from cca_jax.image_io.errors import ImageError
from cca_jax.image_io.formats import pillow
from cca_jax.image_io.formats.raster import Raster, full_range, split
from cca_jax.image_io.formats.structures.boxes import boxes

_SIZE_MARKER = b"\xff\x4f\xff\x51"
_ENUMERATED, _CODED = 1, 5
_PROFILES = (2, 3)
_SRGB, _GRAY, _SYCC, _CMYK, _ROMM = 16, 17, 18, 12, 21
_OPACITY, _PREMULTIPLIED_OPACITY = 1, 2


def decode(data: bytes) -> Raster:
    """Decodes the picture.

    Raises:
        ImageError: its colours are of a kind that is not read.
        Exception: whatever the decoders raise where the file is damaged.
    """
    header = dict(reversed([box for kind, content in boxes(data) if kind == b"jp2h" for box in boxes(content)]))
    stated, enumerated = _statement(header.get(b"colr", b""))
    depth = _depth(data)
    with pillow.open_image(data, "JPEG2000") as image:
        image.load()
        if depth <= 8:
            decoded = pillow.pixels(image)
        elif enumerated in (_SYCC, _CMYK):
            raise ImageError(f"holds {depth}-bit samples that are not RGB, which are not read: convert it to RGB")
        else:
            decoded = split(full_range(imagecodecs.jpeg2k_decode(data), (1 << depth) - 1))
        raster = pillow.raster(image, decoded, [], [] if stated is None else [stated], max(depth, 8))
    if isinstance(stated, IccProfile):
        raster.metadata = type(raster.metadata)(stated.data, raster.metadata.exif, raster.metadata.xmp)
    kinds = _channel_kinds(header.get(b"cdef", b""))
    if kinds and raster.alpha is not None:
        raster.premultiplied = _PREMULTIPLIED_OPACITY in kinds
        if not kinds & {_OPACITY, _PREMULTIPLIED_OPACITY}:
            raster.alpha = None
    return raster


def _statement(colr: bytes) -> tuple[ColorStatement | None, int]:
    """What a colour box says, and its enumerated colour space, or 0."""
    method = colr[0] if colr else 0
    if method == _ENUMERATED and len(colr) >= 7:
        (space,) = struct.unpack_from(">I", colr, 3)
        if space == _ROMM:
            return romm_rgb("colour box"), space
        if space not in (_SRGB, _GRAY, _SYCC, _CMYK):
            raise ImageError(f"holds colours of a kind that is not read (JPEG 2000's {space}): convert it to sRGB")
        return RgbSpace("colour box") if space in (_SRGB, _GRAY) else None, space
    if method in _PROFILES:
        return IccProfile("ICC profile", colr[3:]), 0
    if method == _CODED and len(colr) >= 10:
        primaries, transfer = struct.unpack_from(">HH", colr, 3)
        return coded_space("colour box", primaries, transfer, bool(colr[9] & 0x80)), 0
    return None, 0


def _depth(data: bytes) -> int:
    """The most bits of a component, from the codestream's SIZ segment."""
    start = data.find(_SIZE_MARKER)
    (count,) = struct.unpack_from(">H", data, start + 40)
    depths = data[start + 42 : start + 42 + 3 * count : 3]
    return max((depth & 0x7F) + 1 for depth in depths)


def _channel_kinds(cdef: bytes) -> set[int]:
    """What channels are for, by a channel definition box."""
    return {struct.unpack_from(">H", cdef, start)[0] for start in range(4, len(cdef) - 3, 6)}
