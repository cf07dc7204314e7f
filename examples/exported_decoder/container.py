"""The `.cca` file as docs/file/format.md describes it: header, streams, and their checksums."""

from __future__ import annotations

import dataclasses
import zlib

import numpy as np

UNIT = 64
TENSORFLOW, CONSTRICTION = 1, 2
"""The range coders."""


@dataclasses.dataclass(frozen=True)
class Stream:
    """A coded stream and the check of what it decodes to."""

    data: bytes
    symbol_check: int


@dataclasses.dataclass(frozen=True)
class CcaFile:
    """What a file says.

    Attributes:
        version: of the format.
        coder: number of the range coder.
        identity: of the model, in hexadecimal.
        width: in pixels.
        height: in pixels.
        quality: in 1/256ths; 0 where the model has a single rate.
        area: height and width of the padded picture in units of 64 pixels.
        tile: height and width of the tiles, likewise.
        streams: z, y1, y2, … of each tile.
    """

    version: int
    coder: int
    identity: str
    width: int
    height: int
    quality: int
    area: tuple[int, int]
    tile: tuple[int, int]
    streams: tuple[tuple[Stream, ...], ...]


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0

    def take(self, count: int) -> bytes:
        part = self.data[self.position : self.position + count]
        if len(part) < count:
            raise ValueError("the file is cut short")
        self.position += count
        return part

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "little")

    def varint(self) -> int:
        value, shift = 0, 0
        while True:
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise ValueError("the header holds a number that is too long")


def read(data: bytes) -> CcaFile:
    """The contents of a file; alpha, colour profile and metadata, which are boxes, are passed over.

    Raises:
        ValueError: it is no such file, is damaged, or is cut short.
    """
    cursor = _Cursor(data)
    if cursor.take(3) != b"CCA":
        raise ValueError("not a .cca file")
    version, layout = cursor.number(1), cursor.number(1)
    if version not in (1, 2, 3, 4):
        raise ValueError(f"the file has version {version}: this program reads 1 to 4")
    identity = cursor.take(8).hex()
    width, height = cursor.varint(), cursor.varint()
    quality = cursor.number(2)
    area = (-(-height // UNIT), -(-width // UNIT))
    tile = (cursor.number(1), cursor.number(1)) if version >= 3 else (0, 0)
    box_bytes = cursor.varint() if version == 4 else 0
    prefix = data[: cursor.position]
    cursor.take(box_bytes)
    tile = area if tile == (0, 0) else tile
    if min(*area, *tile) < 1:
        raise ValueError("the header holds a side of 0")
    tiles = -(-area[0] // tile[0]) * -(-area[1] // tile[1])
    streams = _streams(cursor, prefix, (layout >> 3) * tiles)
    by_tile = tuple(streams[number::tiles] for number in range(tiles))
    return CcaFile(version, layout & 7, identity, width, height, quality, area, tile, by_tile)


def _streams(cursor: _Cursor, prefix: bytes, count: int) -> tuple[Stream, ...]:
    """The streams, whose table is next, once their checksums are verified."""
    entries = []
    for _ in range(count):
        start = cursor.position
        length, symbol_check = cursor.varint(), cursor.number(2)
        entries.append((length, symbol_check, cursor.data[start : cursor.position], cursor.number(4)))
    streams = []
    for length, symbol_check, head, checksum in entries:
        data = cursor.take(length)
        if zlib.crc32(data, zlib.crc32(head, zlib.crc32(prefix))) != checksum:
            raise ValueError("the file is damaged: a stream has another checksum")
        streams.append(Stream(data, symbol_check))
    if cursor.position != len(cursor.data):
        raise ValueError("something follows the last stream")
    return tuple(streams)


def check_symbols(stream: Stream, symbols: np.ndarray) -> None:
    """Raises ValueError where these are not the symbols that were coded: the scales were computed otherwise here."""
    if zlib.crc32(symbols.astype("<i4").tobytes()) & 0xFFFF != stream.symbol_check:
        raise ValueError("a stream decodes to other symbols than were coded: the model computes otherwise here")
