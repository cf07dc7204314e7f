"""A `.cca` file as its fields, each of which may be anything; written by docs/file/format.md and not by the library."""

import dataclasses
import zlib

from cca_jax.bitstream import container
from cca_jax.bitstream.boxes.section import Box
from cca_jax.bitstream.header import BOXED, QUALITY_STEPS


@dataclasses.dataclass(frozen=True)
class Entry:
    """A stream: its bytes, the check of its symbols, and the length that the file states where that is another."""

    data: bytes
    symbols: int
    length: int | None = None


@dataclasses.dataclass(frozen=True)
class Fields:
    """What a file states, as numbers of the widths that it has there; `box_bytes` is None where that is right."""

    version: int
    layout: int
    identity: bytes
    width: int
    height: int
    quality: int
    tile: tuple[int, int] | None
    boxes: tuple[Box, ...]
    box_bytes: int | None
    entries: tuple[Entry, ...]

    def pack(self) -> bytes:
        """The file with checksums that are right: whoever writes a file can compute them."""
        prefix = b"CCA" + bytes([self.version, self.layout]) + self.identity
        prefix += varint(self.width) + varint(self.height) + self.quality.to_bytes(2, "little")
        prefix += b"" if self.tile is None else bytes(self.tile)
        heads = [bytes([box.kind]) + varint(len(box.content)) for box in self.boxes]
        if self.version == BOXED:
            size = sum(len(head) + len(box.content) + 4 for head, box in zip(heads, self.boxes, strict=True))
            prefix += varint(size if self.box_bytes is None else self.box_bytes)
        table = b""
        for head, box in zip(heads, self.boxes, strict=True):
            table += head + box.content + checksum(prefix, head, box.content).to_bytes(4, "little")
        for entry in self.entries:
            length = len(entry.data) if entry.length is None else entry.length
            head = varint(length) + entry.symbols.to_bytes(2, "little")
            table += head + checksum(prefix, head, entry.data).to_bytes(4, "little")
        return prefix + table + b"".join(entry.data for entry in self.entries)


def fields_of(data: bytes) -> Fields:
    """Those of a whole and valid file."""
    file = container.read(data)
    quality = 0 if file.quality is None else int(file.quality * QUALITY_STEPS)
    entries = tuple(Entry(stream.data, stream.symbol_check) for stream in file.streams)
    tile = (0, 0) if file.version == BOXED and file.tile is None else file.tile
    sizes = (file.width, file.height, quality, tile)
    return Fields(file.version, data[4], file.model_identity, *sizes, file.boxes, None, entries)


def varint(value: int) -> bytes:
    """Unsigned LEB128 of any length."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups[-1] |= 0x80
        groups.append(value & 0x7F)
    return bytes(groups)


def checksum(*parts: bytes) -> int:
    """CRC-32 of bytes one after the other."""
    return zlib.crc32(b"".join(parts))
