"""The header of a `.cca` file, versions 1 and 2.

All numbers are little endian; varint is unsigned LEB128, shortest form.

    magic       3 bytes  "CCA"
    version     1 byte   2, or 1: the same layout, see below
    layout      1 byte   bits 0-2 the range coder (1 … 7), bits 3-7 the number of streams n (1 … 31)
    model       8 bytes  the identity of the model whose tables and weights decode the file
    width       varint   pixels of the original image, ≥ 1
    height      varint   pixels of the original image, ≥ 1; width · height ≤ 2**32
    quality     2 bytes  in 1/256ths; 0 where the model has a single rate
    then for each of the n streams, in coding order (z, y1, y2, …):
    length      varint   bytes of the stream
    symbols     2 bytes  check of the decoded symbols, see `container.symbol_check`
    checksum    4 bytes  CRC-32 of: everything up to and including quality; this stream's length and symbols; its bytes
    then the streams' bytes in the same order, and nothing after them.

Every header byte is covered by a stream's checksum, so the header needs none of its own. There are no spare flags:
whatever a later format adds (tiles, say) it announces by its version, which readers of this one refuse.
The versions differ in the shapes that the predictions are computed in, and so in their last bits: version 1 in the
shape of the padded image, version 2 in that of its bucket (`cca_jax.buckets`).
"""

from dataclasses import dataclass
from typing import NoReturn

from cca_jax.coding.errors import CorruptError, FormatError

MAGIC = b"CCA"
EXACT_SHAPES = 1
"""The version whose predictions are computed in the shape of the padded image."""
VERSION = 2
"""What is written; all versions up to it are read."""
IDENTITY_BYTES = 8
MAX_PIXELS = 1 << 32
MAX_STREAMS = 31
MAX_CODER = 7
QUALITY_STEPS = 256  # to 1
_VARINT_BYTES = 5
_OTHER_FORMATS = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"RIFF", "a WebP or other RIFF file"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
)
_AGAIN = "copy or download it again"


@dataclass(frozen=True)
class StreamEntry:
    """One line of the stream table.

    Attributes:
        length: bytes of the stream.
        symbol_check: 0 … 65535, see `container.symbol_check`.
        checksum: CRC-32, see the module's text.
    """

    length: int
    symbol_check: int
    checksum: int

    def head(self) -> bytes:
        """The entry's bytes that its own checksum covers."""
        return _varint(self.length) + self.symbol_check.to_bytes(2, "little")


@dataclass(frozen=True)
class Header:
    """What a `.cca` file says of itself, before any checksum was looked at.

    Attributes:
        width: pixels of the original image.
        height: pixels of the original image.
        model_identity: 8 bytes.
        coder: the identifier of the range coder, 1 … 7; not necessarily one known here.
        quality: in steps of 1/256, or None where the model has a single rate.
        entries: one a stream, in coding order z, y1, y2, ….
        size: bytes of the header, which is where the first stream begins.
        version: of the format.
    """

    width: int
    height: int
    model_identity: bytes
    coder: int
    quality: float | None
    entries: tuple[StreamEntry, ...]
    size: int
    version: int

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where each stream begins, and last where the file ends, in bytes: n + 1 numbers."""
        offsets = [self.size]
        for entry in self.entries:
            offsets.append(offsets[-1] + entry.length)
        return tuple(offsets)

    @property
    def file_size(self) -> int:
        """Bytes of the whole file, uncut."""
        return self.offsets[-1]

    def whole_streams(self, size: int) -> int:
        """How many streams a file cut to `size` bytes still holds in full."""
        return sum(end <= size for end in self.offsets[1:])


def stream_name(index: int) -> str:
    """What messages call stream number `index`: z, y1, y2, …."""
    return f"y{index}" if index else "z"


def pack_prefix(
    width: int,
    height: int,
    model_identity: bytes,
    coder: int,
    quality: float | None,
    num_streams: int,
    version: int = VERSION,
) -> bytes:
    """The header's bytes before the stream table; ValueError where a field cannot be written."""
    if not 1 <= version <= VERSION:
        raise ValueError(f"a file has version 1 to {VERSION}, got {version}")
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise ValueError(f"an image of {width}×{height} pixels cannot be written: 1 to 2**32 pixels can")
    if len(model_identity) != IDENTITY_BYTES:
        raise ValueError(f"a model identity has {IDENTITY_BYTES} bytes, got {len(model_identity)}")
    if not 1 <= coder <= MAX_CODER:
        raise ValueError(f"a range coder's identifier is 1 … {MAX_CODER}, got {coder}")
    if not 1 <= num_streams <= MAX_STREAMS:
        raise ValueError(f"a file has 1 … {MAX_STREAMS} streams, got {num_streams}")
    steps = 0 if quality is None else quality * QUALITY_STEPS
    if quality is not None and not (1 <= steps < 1 << 16 and steps == int(steps)):
        raise ValueError(f"a quality is a multiple of 1/256 from 1/256 to 65535/256 (see round_quality), got {quality}")
    head = MAGIC + bytes([version, coder | num_streams << 3]) + model_identity
    return head + _varint(width) + _varint(height) + int(steps).to_bytes(2, "little")


def parse(data: bytes) -> Header:
    """Reads a header; the streams after it may be cut short or missing.

    Raises:
        FormatError: not a `.cca` file, or one of another version.
        CorruptError: the header is cut short, or says what no header says.
    """
    if not data.startswith(MAGIC):
        _refuse(data)
    cursor = _Cursor(data, len(MAGIC))
    version = cursor.take(1)[0]
    if version > VERSION:
        raise FormatError(
            f"the file has version {version} of the .cca format and this library reads versions up to {VERSION}: "
            "pip install --upgrade cca_jax"
        )
    if version < 1:
        raise FormatError(f"there is no version {version} of the .cca format: the file is damaged, {_AGAIN}")
    layout = cursor.take(1)[0]
    coder, num_streams = layout & MAX_CODER, layout >> 3
    if coder == 0 or num_streams == 0:
        raise CorruptError(f"the file names no range coder or no streams: its header is damaged, {_AGAIN}")
    model_identity = cursor.take(IDENTITY_BYTES)
    width, height = cursor.varint(), cursor.varint()
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise CorruptError(f"the file claims {width}×{height} pixels: its header is damaged, {_AGAIN}")
    steps = int.from_bytes(cursor.take(2), "little")
    entries = tuple(
        StreamEntry(cursor.varint(), int.from_bytes(cursor.take(2), "little"), int.from_bytes(cursor.take(4), "little"))
        for _ in range(num_streams)
    )
    quality = steps / QUALITY_STEPS if steps else None
    return Header(width, height, model_identity, coder, quality, entries, cursor.position, version)


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


class _Cursor:
    """Takes fields from the front of a header that may end too early."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data, self.position = data, position

    def take(self, count: int) -> bytes:
        field = self.data[self.position : self.position + count]
        if len(field) < count:
            raise CorruptError(f"the file is cut short within its header, at {len(self.data)} bytes: {_AGAIN}")
        self.position += count
        return field

    def varint(self) -> int:
        value = 0
        for group in range(_VARINT_BYTES):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << 7 * group
            if byte < 0x80:
                if byte == 0 and group > 0:  # a second way to write the same number
                    break
                return value
        raise CorruptError(f"a number in the file's header is malformed: the file is damaged, {_AGAIN}")


def _refuse(data: bytes) -> NoReturn:
    if not data:
        raise FormatError("the file is empty: nothing was written, or the copy failed")
    if MAGIC.startswith(data):
        raise CorruptError(f"the file is cut short within its header, at {len(data)} bytes: {_AGAIN}")
    for start, what in _OTHER_FORMATS:
        if data.startswith(start):
            raise FormatError(f"this is {what}, not a .cca file: compress it first (cca-jax compress)")
    if all(byte in b"\t\n\f\r" or 32 <= byte < 127 for byte in data[:64]):
        raise FormatError("this is a text file, not a .cca file: give a file that cca-jax compress wrote")
    raise FormatError(f"not a .cca file (it begins with {data[:4].hex(' ')}): give a file that cca-jax compress wrote")
