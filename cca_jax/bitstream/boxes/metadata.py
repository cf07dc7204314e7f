"""Boxes of bytes that the codec does not look into: colour profile, Exif, XMP.

The first byte of the content is the method. Of stored and deflated, the shorter is written.

    0  stored: the bytes
    1  deflated: varint, how many bytes they are; then raw deflate (RFC 1951), nothing after it
    2  colour profile only: one byte, the number of a known profile; 1 is sRGB (IEC 61966-2-1)
"""

from __future__ import annotations

import zlib

from cca_jax.bitstream.boxes.kinds import box_name
from cca_jax.bitstream.fields import AGAIN, Cursor, varint
from cca_jax.entropy_coding.errors import CorruptError

MAX_BYTES = 1 << 24
"""Of one such box, before it is deflated: more is neither written nor read."""
_STORED, _DEFLATED, _KNOWN = 0, 1, 2
_RAW = -zlib.MAX_WBITS

SRGB_PROFILE = bytes([_KNOWN, 1])
"""The content of a colour profile box that stands for sRGB."""


def pack_bytes(data: bytes, kind: int) -> bytes:
    """The content of a box of that kind.

    Raises:
        ValueError: too many bytes.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(
            f"the content of the {box_name(kind)} has {len(data):,} bytes, at most {MAX_BYTES:,} can be carried: leave "
            "it out (--strip)"
        )
    deflate = zlib.compressobj(9, zlib.DEFLATED, _RAW, 9)
    deflated = varint(len(data)) + deflate.compress(data) + deflate.flush()
    return bytes([_STORED]) + data if len(data) <= len(deflated) else bytes([_DEFLATED]) + deflated


def unpack_bytes(content: bytes, kind: int) -> bytes:
    """The bytes that were packed; no more than these and one more are ever made.

    Raises:
        CorruptError: the content is not such a box's.
    """
    cursor = Cursor(content, 0)
    method = cursor.take(1)[0] if content else None
    if method == _STORED and len(content) <= 1 + MAX_BYTES:
        return content[1:]
    if method != _DEFLATED:
        raise CorruptError(f"the {box_name(kind)} is of no known method: the file is damaged, {AGAIN}")
    size = cursor.varint()
    if size > MAX_BYTES:
        raise CorruptError(f"the {box_name(kind)} claims {size:,} bytes, at most {MAX_BYTES:,} can be: {AGAIN}")
    inflate = zlib.decompressobj(_RAW)
    try:
        data = inflate.decompress(content[cursor.position :], size + 1)
    except zlib.error:
        data = b""
    if len(data) != size or not inflate.eof or inflate.unused_data:
        raise CorruptError(f"the {box_name(kind)} does not hold the {size:,} bytes that it claims: {AGAIN}")
    return data
