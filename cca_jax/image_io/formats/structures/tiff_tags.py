"""What the tags of a TIFF page say beside its samples: colours, and what the camera wrote."""

from __future__ import annotations

import struct

import numpy as np
import tifffile
from numpy.typing import ArrayLike
from PIL import ExifTags, Image

from cca_jax.image_io.color.primaries import SRGB_PRIMARIES, Primaries
from cca_jax.image_io.color.spaces import ColorStatement, IccProfile, RgbSpace
from cca_jax.image_io.color.transfer import SRGB_TRANSFER, Transfer
from cca_jax.image_io.formats.structures.exif import as_tiff

_TRANSFER_FUNCTION, _WHITE_POINT, _PRIMARIES = 301, 318, 319
_DESCRIPTIVE = (270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 33432, 18246, 18249)
"""Tags of a page that describe a photo (who, when, with what); the others lay out its samples."""


def value_bytes(page: tifffile.TiffPage, code: int) -> bytes | None:
    """The bytes of a tag, or None where it is missing or empty."""
    value = page.tags.valueof(code)
    return bytes(value) if isinstance(value, (bytes, tuple)) and value else None


def starting_at(data: bytes, offset: int) -> bytes:
    """The file with one page as its first, for readers that know only that."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    start, pointer = (8, struct.pack(order + "Q", offset)) if big else (4, struct.pack(order + "I", offset))
    end = start + len(pointer)
    return data if data[start:end] == pointer else data[:start] + pointer + data[end:]


def statements(page: tifffile.TiffPage, icc: bytes | None) -> list[ColorStatement]:
    """The profile before the tags of TIFF 6.0, section 20."""
    found: list[ColorStatement] = [] if icc is None else [IccProfile("ICC profile", icc)]
    curves = page.tags.valueof(_TRANSFER_FUNCTION)
    transfer = SRGB_TRANSFER if curves is None else _transfer(curves, 1 << page.bitspersample)
    corners, white = _rationals(page, _PRIMARIES, 6), _rationals(page, _WHITE_POINT, 2)
    primaries = SRGB_PRIMARIES
    if corners is not None:
        stated = Primaries(corners[0:2], corners[2:4], corners[4:6], white or SRGB_PRIMARIES.white)  # type: ignore[arg-type]
        primaries = stated if stated.are_sound else primaries
    if curves is not None or corners is not None:
        found.append(RgbSpace("tags for primaries and transfer function", primaries, transfer))
    return found


def exif(data: bytes) -> bytes | None:
    """The first page's descriptive tags and its folders of Exif and position as a structure; None where it has none.

    The maker's notes are left out: their offsets would no longer be right.
    """
    source, kept = Image.Exif(), Image.Exif()
    try:
        source.load(data)
        for tag in _DESCRIPTIVE:
            if tag in source:
                kept[tag] = source[tag]
        for folder in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            if tags := dict(source.get_ifd(folder)):
                kept[folder] = tags
        if ExifTags.IFD.Exif in kept and (index := source.get_ifd(ExifTags.IFD.Interop)):
            kept[ExifTags.IFD.Exif][ExifTags.IFD.Interop] = dict(index)
        return as_tiff(kept.tobytes()) if len(kept) else None
    except Exception:  # damaged Exif is no reason to refuse a picture that decodes
        return None


def _rationals(page: tifffile.TiffPage, code: int, count: int) -> tuple[float, ...] | None:
    value = page.tags.valueof(code)
    if not isinstance(value, tuple) or len(value) != 2 * count or 0 in value[1::2]:
        return None
    return tuple(above / below for above, below in zip(value[::2], value[1::2], strict=True))


def _transfer(curves: ArrayLike, levels: int) -> Transfer:
    """The curve of all channels, or one of each; light is 0 to 65535."""
    values = np.ravel(curves) / 65535
    if values.size not in (levels, 3 * levels):
        raise ValueError("its transfer function has another number of values than its samples")
    return Transfer("table", table=tuple(map(tuple, values.reshape(-1, levels).tolist())))
