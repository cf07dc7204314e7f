"""The `.cca` file: a header (see `cca_jax.bitstream.header` for its layout), and the boxes and streams it announces.

Two checks tell two faults apart. The checksum covers the bytes of the file: it fails when the file was damaged. The
symbol check covers the integers that were coded: it fails when the bytes are intact but this machine's arithmetic
predicts other distributions than the encoder's did, which no checksum of bytes can see.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from cca_jax.bitstream.boxes.section import Box, check_boxes, pack_section, section_size, verified
from cca_jax.bitstream.header import QUALITY_STEPS, VERSION, Header, StreamEntry, pack_prefix, parse, stream_name
from cca_jax.entropy_coding.errors import CodingError, CorruptError, MismatchError
from cca_jax.tiling.geometry import Grid


@dataclass(frozen=True)
class Stream:
    """One coded stream.

    Attributes:
        data: what the range coder made; may be empty.
        symbol_check: `symbol_check` of the symbols, 0 … 65535.
    """

    data: bytes
    symbol_check: int


@dataclass(frozen=True)
class Container:
    """What a `.cca` file holds.

    Attributes:
        width: pixels of the original image, ≥ 1.
        height: pixels of the original image, ≥ 1; width · height ≤ 2**32.
        model_identity: 8 bytes.
        coder: identifier of the range coder, 1 … 7.
        quality: a multiple of 1/256 above 0 and below 256 (see `round_quality`), or None for a model of a single rate.
        streams: z of every tile, y1 of every tile, …: of each at least one, at most 31; fewer than the file's where
            `read` was asked for fewer.
        version: of the format, which says in what shapes the predictions are computed (`cca_jax.bitstream.header`).
        tile: height and width of the tiles in units of 64 pixels, for versions 3 and 4; None for an image in one tile.
        boxes: what is beside the picture, for version 4; kinds that are not known here are kept.
    """

    width: int
    height: int
    model_identity: bytes
    coder: int
    quality: float | None
    streams: tuple[Stream, ...]
    version: int = VERSION
    tile: tuple[int, int] | None = None
    boxes: tuple[Box, ...] = ()

    @property
    def grid(self) -> Grid:
        """The image's tiles."""
        grid = Grid.whole(self.height, self.width)
        return grid if self.tile is None else Grid(grid.area, self.tile)

    def streams_of(self, tile: int) -> tuple[Stream, ...]:
        """z, y1, y2, … of the tile of that number."""
        return self.streams[tile :: self.grid.count]


def round_quality(quality: float) -> float:
    """The nearest quality that a file can state. Encode with it, since it is what the decoder will use."""
    return min(max(round(quality * QUALITY_STEPS), 1), (1 << 16) - 1) / QUALITY_STEPS


def symbol_check(symbols: np.ndarray) -> int:
    """The low 16 bits of the CRC-32 of integer symbols [N], as little-endian int32 in coding order."""
    return zlib.crc32(np.asarray(symbols).astype("<i4", casting="same_kind").tobytes()) & 0xFFFF


def verify_symbols(
    stream_index: int, expected: int, symbols: np.ndarray, *, portable: bool = False, tiles: int = 1
) -> None:
    """Compares decoded symbols [N] with the check that the encoder stored for that stream.

    Args:
        stream_index: number of the stream in the file.
        expected: the check that the file holds.
        symbols: what was decoded.
        portable: whether the stream's distributions are the same on every machine.
        tiles: how many the file has.

    Raises:
        MismatchError: they are not the encoder's (one wrong stream in 65536 passes).
        CorruptError: the same, of a portable stream: its file was written wrongly.
    """
    if symbol_check(symbols) != expected:
        fault = "decodes to other symbols than were encoded"
        raise intact_but_wrong(stream_index, fault, portable=portable, tiles=tiles)


def intact_but_wrong(stream_index: int, fault: str, *, portable: bool, tiles: int) -> CodingError:
    """The error of a stream whose bytes are as they were written and do not give what was coded, with its true cause.

    Args:
        stream_index: number of the stream in the file.
        fault: what happens instead, as a sentence without its subject.
        portable: whether the stream's distributions are the same on every machine.
        tiles: how many the file has.
    """
    sentence = f"stream {stream_name(stream_index, tiles)} is intact but {fault}"
    if portable:
        return CorruptError(f"{sentence}, which arithmetic cannot explain with this model: make the file again")
    return MismatchError(
        f"{sentence}: the model's arithmetic differs here; decode on the kind of device, and with the versions and the "
        "type of numbers, that made the file"
    )


def write(container: Container) -> bytes:
    """The bytes of a `.cca` file; ValueError where a field is out of range."""
    c = container
    check_boxes(c.boxes)
    named = (c.width, c.height, c.model_identity, c.coder, c.quality)
    prefix = pack_prefix(*named, len(c.streams), c.version, c.tile, section_size(c.boxes))
    table = []
    for stream in c.streams:
        if not 0 <= stream.symbol_check < 1 << 16:
            raise ValueError(f"a symbol check is 0 … 65535, got {stream.symbol_check}")
        head = StreamEntry(len(stream.data), stream.symbol_check, 0).head()
        table += [head, _checksum([prefix, head, stream.data]).to_bytes(4, "little")]
    return b"".join([prefix, pack_section(c.boxes, prefix), *table, *(stream.data for stream in c.streams)])


def read_header(data: bytes) -> Header:
    """Reads only the header, which is not verified: that takes a stream. The streams may be cut short or missing.

    Raises:
        FormatError: not a `.cca` file, or one of another version.
        CorruptError: the header is cut short, or says what no header says.
    """
    return parse(bytes(data))


def read(data: bytes, num_streams: int | None = None) -> Container:
    """Reads a file, or the first streams of one, and verifies every byte that it uses.

    Args:
        data: the file; with `num_streams`, it may end anywhere after those streams.
        num_streams: how many of z, y1, y2, … to read and verify, for every tile; None for all.

    Raises:
        FormatError: not a `.cca` file, or one of another version.
        CorruptError: cut short, damaged, or with something after its end.
        ValueError: the file never had so many streams.
    """
    data = bytes(data)
    header = h = parse(data)
    wanted = h.num_streams if num_streams is None else num_streams
    if not 1 <= wanted <= h.num_streams:
        raise ValueError(f"the file has {h.num_streams} streams: 1 to {h.num_streams} can be read")
    tiles, named = h.grid.count, (h.width, h.height, h.model_identity, h.coder, h.quality)
    prefix = prefix_of(header)
    boxes = verified(h.boxes, prefix)
    streams = []
    for index, (entry, start) in enumerate(zip(h.entries[: wanted * tiles], h.offsets, strict=False)):
        stream = intact_stream(data, entry, start, prefix)
        if stream is None:
            _refuse(index, len(data), header)
        streams.append(stream)
    if (excess := len(data) - header.file_size) > 0:
        raise CorruptError(f"{excess} bytes follow the end of the last stream: copy or download the file again")
    return Container(*named, tuple(streams), h.version, h.tile, boxes)


def prefix_of(header: Header) -> bytes:
    """What every checksum of a file begins with: all that is before its boxes and its first length."""
    named = (header.width, header.height, header.model_identity, header.coder, header.quality)
    box_bytes = section_size([entry.box for entry in header.boxes])
    return pack_prefix(*named, len(header.entries), header.version, header.tile, box_bytes)


def intact_stream(data: bytes, entry: StreamEntry, start: int, prefix: bytes) -> Stream | None:
    """The stream that begins there in a file; None where it is not whole, or its checksum differs."""
    stream = data[start : start + entry.length]
    if len(stream) < entry.length or _checksum([prefix, entry.head(), stream]) != entry.checksum:
        return None
    return Stream(stream, entry.symbol_check)


def _refuse(index: int, size: int, header: Header) -> NoReturn:
    """Says what is wrong with a stream that is not whole."""
    entry, start, tiles = header.entries[index], header.offsets[index], header.grid.count
    name = f"stream {stream_name(index, tiles)}"
    rest = "; or see what is whole of the picture with --partial" if index else ""
    if (present := max(size - start, 0)) < entry.length:
        raise CorruptError(
            f"the file is cut short: {name} ({index + 1} of {len(header.entries)}) has "
            f"{present} of its {entry.length} bytes: copy or download it again{rest}"
        )
    where = name if index else f"the header or {name}"
    raise CorruptError(f"{where} is damaged (its checksum differs): copy or download the file again{rest}")


def _checksum(parts: Sequence[bytes]) -> int:
    value = 0
    for part in parts:
        value = zlib.crc32(part, value)
    return value
