"""Boxes of the ISO base media file format, of which AVIF, HEIF and JPEG 2000 files are made."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_VISUAL_SAMPLE_ENTRY = 78
"""Bytes of a visual sample entry before the boxes within it."""


@dataclass(frozen=True)
class Properties:
    """What a file says of its primary item, or of its first track.

    Attributes:
        codes: colour primaries and transfer characteristics of an nclx box; None where there is none.
        configuration: the decoder configuration (av1C); empty where there is none.
    """

    codes: tuple[int, int] | None = None
    configuration: bytes = b""


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, bytes]]:
    """Types and contents of the boxes in a part of a file, as far as they are sound."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        elif size == 0:  # up to the end
            size = end - start
        if size < head or start + size > end:
            return
        yield kind, data[start + head : start + size]
        start += size


def primary_properties(data: bytes) -> Properties:
    """Reads the properties; what cannot be read counts as missing."""
    try:
        for kind, content in boxes(data):
            if kind == b"meta" and (properties := _of_primary_item(content[4:])):
                return _gather(properties)
        return _gather(list(_of_track(data)))
    except (struct.error, IndexError):
        return Properties()


def _gather(properties: list[tuple[bytes, bytes]]) -> Properties:
    codes, configuration = None, b""
    for kind, content in properties:
        if kind == b"colr" and content[:4] == b"nclx" and codes is None:
            codes = struct.unpack_from(">HH", content, 4)
        elif kind == b"av1C" and not configuration:
            configuration = content
    return Properties(codes, configuration)


def _of_primary_item(meta: bytes) -> list[tuple[bytes, bytes]]:
    """The property boxes of the primary item and of the first tile that it is derived from."""
    inside = dict(boxes(meta))
    if b"pitm" not in inside or b"iprp" not in inside:
        return []
    primary = _item_number(inside[b"pitm"], 4, inside[b"pitm"][0] > 0)[0]
    wanted = [primary, *_derived_from(inside.get(b"iref", b""), primary)]
    known = [box for kind, content in boxes(inside[b"iprp"]) if kind == b"ipco" for box in boxes(content)]
    found: list[tuple[bytes, bytes]] = []
    for kind, content in boxes(inside[b"iprp"]):
        if kind == b"ipma":
            associations = _associations(content)
            found += [known[index - 1] for item in wanted for index in associations.get(item, ()) if index]
    return found


def _item_number(content: bytes, position: int, wide: bool) -> tuple[int, int]:
    size = 4 if wide else 2
    return int.from_bytes(content[position : position + size], "big"), position + size


def _derived_from(references: bytes, item: int) -> list[int]:
    """The first item that a derived one (a grid) is made of."""
    wide = references[:1] == b"\x01"
    for kind, content in boxes(references, 4):
        source, position = _item_number(content, 0, wide)
        if kind == b"dimg" and source == item:
            return [_item_number(content, position + 2, wide)[0]]
    return []


def _associations(content: bytes) -> dict[int, list[int]]:
    """From items to the numbers, from 1, of their properties (ItemPropertyAssociationBox)."""
    version, flags = content[0], content[3]
    (count,) = struct.unpack_from(">I", content, 4)
    position, result = 8, {}
    for _ in range(count):
        item, position = _item_number(content, position, version >= 1)
        number, position = content[position], position + 1
        if flags & 1:
            indexes = [value & 0x7FFF for value in struct.unpack_from(f">{number}H", content, position)]
        else:
            indexes = [value & 0x7F for value in content[position : position + number]]
        position += number * (2 if flags & 1 else 1)
        result[item] = indexes
    return result


def _of_track(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes in the sample entries of tracks."""
    for kind, content in boxes(data):
        if kind in _CONTAINERS:
            yield from _of_track(content)
        elif kind == b"stsd":
            for _, entry in boxes(content, 8):
                yield from boxes(entry, _VISUAL_SAMPLE_ENTRY)
