"""The alpha box: a plane of opacity, coded losslessly as a small image by Pillow's coders.

    format              1 byte   1 PNG, 2 lossless WebP, 3 lossless WebP of 16 bits
    top, left           varint   where the image lies in the picture
    height, width       varint   of the image, at least 1 each
    the image                    full scale is opaque; a PNG is grey with 1, 8 or 16 bits a sample, a WebP has the
                                 sample in green, or with 16 bits the high byte in green and the low byte in blue

What lies outside the image is opaque, so a plane is cropped to what is not. 16 bits belong to pictures of more than 8;
in such a picture 8 bits stand for 257 times as much.
"""

from __future__ import annotations

import io
import struct
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8, UInt16
from PIL import Image, features

from cca_jax.bitstream.fields import AGAIN, Cursor, varint
from cca_jax.entropy_coding.errors import CorruptError

_PNG, _WEBP, _WEBP_16 = 1, 2, 3
_FORMATS = {_PNG: "PNG", _WEBP: "WEBP", _WEBP_16: "WEBP"}
_MODES = {_PNG: ("1", "L", "I;16"), _WEBP: ("RGB",), _WEBP_16: ("RGB",)}
_WIDEST_WEBP = 16383
_WIDENED = 257  # 65535 / 255

Plane = UInt8[np.ndarray, "H W"] | UInt16[np.ndarray, "H W"]


def pack_alpha(alpha: Plane) -> bytes | None:
    """The box's content; None where every pixel is opaque.

    Args:
        alpha: full scale of its type is opaque.
    """
    shown = alpha != np.iinfo(alpha.dtype).max
    if not shown.any():
        return None
    rows, columns = (np.flatnonzero(shown.any(axis)) for axis in (1, 0))
    top, left, bottom, right = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
    plane = alpha[top:bottom, left:right]
    if plane.dtype == np.uint16 and not (plane % _WIDENED).any():
        plane = (plane // _WIDENED).astype(np.uint8)
    number, image = min(_candidates(plane), key=lambda coded: len(coded[1]))
    place = (top, left, bottom - top, right - left)
    return bytes([number]) + b"".join(varint(int(value)) for value in place) + image


def _candidates(plane: Plane) -> list[tuple[int, bytes]]:
    """The plane in each format that can hold it."""
    gray = Image.fromarray(plane)
    if plane.dtype == np.uint8 and np.isin(plane, (0, 255)).all():
        gray = gray.convert("1")
    coded = [(_PNG, _saved(gray, "PNG", optimize=True))]
    if max(plane.shape) <= _WIDEST_WEBP and features.check("webp"):
        number, high = (_WEBP, plane) if plane.dtype == np.uint8 else (_WEBP_16, plane >> 8)
        channels = np.stack([high, high, plane & 0xFF], axis=-1).astype(np.uint8)
        coded.append((number, _saved(Image.fromarray(channels), "WEBP", lossless=True, quality=100, method=6)))
    return coded


def _saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


class Place(NamedTuple):
    """Where an alpha box's image lies in the picture, in pixels."""

    top: int
    left: int
    height: int
    width: int


def alpha_place(content: bytes) -> Place:
    """Where the box's image lies, by the box's word alone.

    Raises:
        CorruptError: the content ends before that.
    """
    return _head(content)[1]


def _head(content: bytes) -> tuple[int, Place, bytes]:
    """The format's number, the place, and the image."""
    cursor = Cursor(content, 0)
    number = cursor.take(1)[0]
    place = Place(*(cursor.varint() for _ in range(4)))
    return number, place, content[cursor.position :]


def unpack_alpha(content: bytes, height: int, width: int, dtype: type[np.uint8] | type[np.uint16]) -> Plane:
    """The plane of a picture of that size and type of samples.

    Nothing is allocated before the image's own header was found to agree with the box and with the picture.

    Raises:
        CorruptError: the content is not such a box's.
    """
    number, (top, left, rows, columns), data = _head(content)
    inside = min(rows, columns) >= 1 and top + rows <= height and left + columns <= width
    if number not in _FORMATS or not inside or _stated_size(data, number) != (columns, rows):
        raise CorruptError(f"the alpha box says what no file says: the file is damaged, {AGAIN}")
    plane = _decoded(data, number, dtype)
    if plane.shape != (rows, columns):
        raise CorruptError(f"the alpha box holds another image than it claims: {AGAIN}")
    alpha = np.full((height, width), np.iinfo(dtype).max, dtype)
    alpha[top : top + rows, left : left + columns] = plane
    return alpha


def _decoded(data: bytes, number: int, dtype: type[np.uint8] | type[np.uint16]) -> Plane:
    try:
        with Image.open(io.BytesIO(data), formats=[_FORMATS[number]]) as image:
            image.load()
            if image.mode not in _MODES[number]:
                raise ValueError(f"its samples are {image.mode}")
            plane = np.asarray(image.convert("L") if image.mode == "1" else image)
    except MemoryError:
        raise
    except Exception as error:  # a decoder raises whatever its format's damage led it to
        raise CorruptError(f"the alpha box cannot be decoded ({error}): {AGAIN}") from error
    if number == _WEBP_16:
        plane = plane[..., 1].astype(np.uint16) << 8 | plane[..., 2]
    elif number == _WEBP:
        plane = plane[..., 1]
    if plane.dtype == dtype:
        return plane
    if dtype == np.uint8:
        raise CorruptError(f"the alpha box holds 16 bits for a picture of 8: the file is damaged, {AGAIN}")
    return plane.astype(np.uint16) * np.uint16(_WIDENED)


def _stated_size(data: bytes, number: int) -> tuple[int, int] | None:
    """Width and height by the image's own first bytes; Pillow's WebP decoder allocates before it can be asked."""
    if number == _PNG:
        whole = len(data) >= 24 and data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR"
        return struct.unpack(">II", data[16:24]) if whole else None
    whole = len(data) >= 25 and data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8L" and data[20] == 0x2F
    if not whole:
        return None
    sides = int.from_bytes(data[21:25], "little")
    return (sides & 0x3FFF) + 1, (sides >> 14 & 0x3FFF) + 1
