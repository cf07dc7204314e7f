"""The section of boxes: one after the other, each with its kind, its length and its own checksum.

    kind        1 byte   1 … 255; from 128 on critical, see `kinds.CRITICAL`
    length      varint   bytes of the content
    content
    checksum    4 bytes  CRC-32 of: all of the file that is before the first box; kind and length; the content

A reader skips boxes that it does not know, unless they are critical. It verifies those, too. Nothing is allocated for a
length that a box states: contents are parts of a file that is there.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from cca_jax.bitstream.boxes.kinds import CRITICAL, box_name, is_known
from cca_jax.bitstream.fields import AGAIN, Cursor, varint
from cca_jax.entropy_coding.errors import CorruptError, FormatError

MAX_BOXES = 255
MAX_SECTION = (1 << 32) - 1
"""Bytes of all boxes together."""


@dataclass(frozen=True)
class Box:
    """One box.

    Attributes:
        kind: 1 … 255; see `kinds`.
        content: bytes whose meaning the kind decides.
    """

    kind: int
    content: bytes

    def head(self) -> bytes:
        """The bytes before the content."""
        return bytes([self.kind]) + varint(len(self.content))


@dataclass(frozen=True)
class BoxEntry:
    """A box where it stands in a file, before its checksum was looked at."""

    box: Box
    checksum: int


def check_boxes(boxes: Sequence[Box]) -> None:
    """Refuses boxes that no file may hold.

    Raises:
        ValueError: a kind out of range, a known kind twice, or too many or too large boxes.
    """
    kinds = [box.kind for box in boxes]
    if any(not 1 <= kind <= 255 for kind in kinds):
        raise ValueError(f"a box has kind 1 … 255, got {kinds}")
    if (twice := _first_repeated(kinds)) is not None:
        raise ValueError(f"a file has one {box_name(twice)}, got {kinds.count(twice)}")
    if len(boxes) > MAX_BOXES:
        raise ValueError(f"a file has at most {MAX_BOXES} boxes, got {len(boxes)}")
    if (size := section_size(boxes)) > MAX_SECTION:
        raise ValueError(f"the boxes of a file have at most {MAX_SECTION} bytes together, got {size}")


def section_size(boxes: Sequence[Box]) -> int:
    """Bytes of the whole section."""
    return sum(len(box.head()) + len(box.content) + 4 for box in boxes)


def pack_section(boxes: Sequence[Box], prefix: bytes) -> bytes:
    """The bytes of checked boxes after a file's `prefix`, which is all that is before them."""
    parts = []
    for box in boxes:
        head = box.head()
        parts += [head, box.content, _checksum(prefix, head, box.content).to_bytes(4, "little")]
    return b"".join(parts)


def read_section(cursor: Cursor, size: int) -> tuple[BoxEntry, ...]:
    """Takes a section of `size` bytes, without looking at checksums.

    Raises:
        CorruptError: the file ends within it, or boxes do not fill it.
    """
    if size > MAX_SECTION:
        raise CorruptError(f"the file claims {size} bytes of boxes: its header is damaged, {AGAIN}")
    end = cursor.position + size
    if end > len(cursor.data):
        raise CorruptError(f"the file is cut short within its boxes, at {len(cursor.data)} bytes: {AGAIN}")
    entries: list[BoxEntry] = []
    while cursor.position < end:
        kind, length = cursor.take(1)[0], cursor.varint()
        if kind == 0 or cursor.position + length + 4 > end or len(entries) == MAX_BOXES:
            raise CorruptError(f"the boxes of the file do not fit their section: its header is damaged, {AGAIN}")
        content = cursor.take(length)
        entries.append(BoxEntry(Box(kind, content), int.from_bytes(cursor.take(4), "little")))
    return tuple(entries)


def verified(entries: Sequence[BoxEntry], prefix: bytes) -> tuple[Box, ...]:
    """The boxes, unknown ones too, once their checksums are right.

    Raises:
        CorruptError: a checksum differs, or a known kind is there twice.
        FormatError: a critical box is not known.
    """
    for entry in entries:
        if _checksum(prefix, entry.box.head(), entry.box.content) != entry.checksum:
            name = box_name(entry.box.kind)
            raise CorruptError(f"the header or the {name} is damaged (its checksum differs): {AGAIN}")
    boxes = tuple(entry.box for entry in entries)
    for box in boxes:
        if box.kind & CRITICAL and not is_known(box.kind):
            raise FormatError(
                f"the file has a {box_name(box.kind)}, which this library does not know and without which the picture "
                "would be wrong: use a newer version of cca_jax"
            )
    if (twice := _first_repeated([box.kind for box in boxes])) is not None:
        raise CorruptError(f"the file has more than one {box_name(twice)}: it was written wrongly, make it again")
    return boxes


def _first_repeated(kinds: Sequence[int]) -> int | None:
    """The first known kind that is there more than once."""
    return next((kind for kind in kinds if is_known(kind) and kinds.count(kind) > 1), None)


def _checksum(*parts: bytes) -> int:
    value = 0
    for part in parts:
        value = zlib.crc32(part, value)
    return value
