"""Exif as a TIFF structure: the few tags that decide how a picture looks.

Tags are read and replaced where they stand. Writing the structure anew would move the camera's own notes, whose offsets
only their maker knows.
"""

from __future__ import annotations

import re
import struct

_PREFIX = b"Exif\0\0"
_ORIENTATION = 0x0112
_EXIF_POINTER = 0x8769
_INTEROPERABILITY_POINTER = 0xA005
_INTEROPERABILITY_INDEX = 0x0001
_COLOR_SPACE = 0xA001
_ADOBE_RGB = 2
_UNCALIBRATED = 65535
_ADOBE_RGB_INDEX = b"R03"
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)([1-8])")


def as_tiff(exif: bytes | None) -> bytes | None:
    """Exif without the prefix that JPEG and some other writers set before it; None where that is no TIFF structure."""
    if exif is None:
        return None
    body = exif.removeprefix(_PREFIX)
    return body if body[:4] in (b"II*\0", b"MM\0*") else None


def orientation(exif: bytes | None) -> int | None:
    """The turn that a TIFF structure asks for, 1 to 8; None where it names none or is damaged."""
    found = _find(exif, (), _ORIENTATION)
    if found is None:
        return None
    order, position = found
    value = struct.unpack_from(order + "H", exif or b"", position)[0]
    return value if 1 <= value <= 8 else 1


def upright_exif(exif: bytes | None) -> bytes | None:
    """The same structure with its orientation, where it has one, set to 1."""
    found = _find(exif, (), _ORIENTATION)
    if exif is None or found is None:
        return exif
    order, position = found
    return exif[:position] + struct.pack(order + "H", 1) + exif[position + 2 :]


def xmp_orientation(xmp: bytes | None) -> int:
    """The turn that an XMP packet asks for, 1 to 8; 1 where it names none."""
    found = _XMP_ORIENTATION.search(xmp or b"")
    return int(found[2]) if found else 1


def upright_xmp(xmp: bytes | None) -> bytes | None:
    """The same packet with its orientation, where it has one, set to 1."""
    return xmp if xmp is None else _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)


def says_adobe_rgb(exif: bytes | None) -> bool:
    """Whether samples are in Adobe RGB.

    The camera file system's rule (DCF 2.0) is an uncalibrated colour space and the interoperability index R03; some
    cameras write the colour space 2 instead.
    """
    space = _color_space(exif)
    if exif is None or space is None:
        return False
    index = _find(exif, (_EXIF_POINTER, _INTEROPERABILITY_POINTER), _INTEROPERABILITY_INDEX)
    r03 = index is not None and exif[index[1] : index[1] + 3] == _ADOBE_RGB_INDEX
    return space == _ADOBE_RGB or (space == _UNCALIBRATED and r03)


def says_uncalibrated(exif: bytes | None) -> bool:
    """Whether Exif says that the samples are in a colour space other than sRGB."""
    return _color_space(exif) == _UNCALIBRATED


def _color_space(exif: bytes | None) -> int | None:
    found = _find(exif, (_EXIF_POINTER,), _COLOR_SPACE)
    if exif is None or found is None:
        return None
    order, position = found
    return int(struct.unpack_from(order + "H", exif, position)[0])


def _find(exif: bytes | None, pointers: tuple[int, ...], tag: int) -> tuple[str, int] | None:
    """The byte order and where the value of a tag begins that is in the first folder or down a path of pointers."""
    if exif is None:
        return None
    order = "<" if exif[:2] == b"II" else ">"
    try:
        folder = struct.unpack_from(order + "I", exif, 4)[0]
        for pointer in pointers:
            position = _value_position(exif, order, folder, pointer)
            if position is None:
                return None
            folder = struct.unpack_from(order + "I", exif, position)[0]
        position = _value_position(exif, order, folder, tag)
    except struct.error:
        return None
    return None if position is None else (order, position)


def _value_position(exif: bytes, order: str, folder: int, tag: int) -> int | None:
    """Where the value field of a tag is; values of up to four bytes, such as all of these, lie in it.

    Raises:
        struct.error: the folder reaches beyond the structure.
    """
    count = struct.unpack_from(order + "H", exif, folder)[0]
    for entry in range(folder + 2, folder + 2 + 12 * count, 12):
        if struct.unpack_from(order + "H", exif, entry)[0] == tag:
            struct.unpack_from(order + "I", exif, entry + 8)
            return entry + 8
    return None
