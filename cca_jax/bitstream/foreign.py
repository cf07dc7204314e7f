"""What a file is that is none of ours, for the message that refuses it."""

from __future__ import annotations

from typing import NoReturn

from cca_jax.bitstream.fields import AGAIN
from cca_jax.entropy_coding.errors import CorruptError, FormatError

_OTHER_FORMATS = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"RIFF", "a WebP or other RIFF file"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
)


def refuse_foreign(data: bytes, magic: bytes) -> NoReturn:
    """Says what a file is that does not begin with our magic.

    Raises:
        FormatError: another kind of file.
        CorruptError: one of ours, cut short within the magic.
    """
    if not data:
        raise FormatError("the file is empty: nothing was written, or the copy failed")
    if magic.startswith(data):
        raise CorruptError(f"the file is cut short within its header, at {len(data)} bytes: {AGAIN}")
    for start, what in _OTHER_FORMATS:
        if data.startswith(start):
            raise FormatError(f"this is {what}, not a .cca file: compress it first (cca-jax compress)")
    if all(byte in b"\t\n\f\r" or 32 <= byte < 127 for byte in data[:64]):
        raise FormatError("this is a text file, not a .cca file: give a file that cca-jax compress wrote")
    raise FormatError(f"not a .cca file (it begins with {data[:4].hex(' ')}): give a file that cca-jax compress wrote")
