"""The header of a `.cca` file, versions 1 to 4.

All numbers are little endian; varint is unsigned LEB128, shortest form.

    magic       3 bytes  "CCA"
    version     1 byte   1 to 4, see below
    layout      1 byte   bits 0-2 the range coder (1 … 7), bits 3-7 the number of streams of a tile n (1 … 31)
    model       8 bytes  the identity of the model whose tables and weights decode the file
    width       varint   pixels of the original image, ≥ 1
    height      varint   pixels of the original image, ≥ 1; width · height ≤ 2**32
    quality     2 bytes  in 1/256ths; 0 where the model has a single rate
    tile        2 bytes  versions 3 and 4 only: a tile's height and width in units of 64 pixels, 1 … 255 each; in
                         version 4 also 0 and 0, for an image in one tile
    boxes       varint   version 4 only: bytes of the boxes; then these (`boxes.section`)
    then for each of the n streams, in coding order (z, y1, y2, …), and for each of its tiles, row by row:
    length      varint   bytes of the stream
    symbols     2 bytes  check of the decoded symbols, see `container.symbol_check`
    checksum    4 bytes  CRC-32 of: all that is before boxes and lengths; this stream's length and symbols; its bytes
    then the streams' bytes in the same order, and nothing after them.

Every header byte is covered by a stream's checksum, so the header needs none of its own; a box has its own. There are
no spare flags: what a later format adds is a box, or announced by its version, which readers of this one refuse.
Versions 1 and 2 hold an image in one tile, which their headers do not state, and differ in the shapes that the
predictions are computed in, and so in their last bits: version 1 in the shape of the padded image, version 2 in that of
its bucket (`cca_jax.tiling.buckets`). Version 3 holds an image in several tiles (`cca_jax.tiling.geometry`), version 4
an image in one or several, and boxes.
"""

from dataclasses import dataclass

from cca_jax.bitstream.boxes.section import BoxEntry, read_section
from cca_jax.bitstream.fields import AGAIN, Cursor, varint
from cca_jax.bitstream.foreign import refuse_foreign
from cca_jax.entropy_coding.errors import CorruptError, FormatError
from cca_jax.tiling.geometry import MAX_SIDE, MAX_TILES, Grid

MAGIC = b"CCA"
EXACT_SHAPES = 1
"""The version whose predictions are computed in the shape of the padded image."""
VERSION = 2
"""What is written of an image in one tile."""
TILED = 3
"""What is written of an image in several."""
BOXED = 4
"""What is written of either where there are boxes; all versions up to it are read."""
IDENTITY_BYTES = 8
MAX_PIXELS = 1 << 32
MAX_STREAMS = 31
MAX_CODER = 7
QUALITY_STEPS = 256  # to 1
_ONE_TILE = (0, 0)


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
        return varint(self.length) + self.symbol_check.to_bytes(2, "little")


@dataclass(frozen=True)
class Header:
    """What a `.cca` file says of itself, before any checksum was looked at.

    Attributes:
        width: pixels of the original image.
        height: pixels of the original image.
        model_identity: 8 bytes.
        coder: the identifier of the range coder, 1 … 7; not necessarily one known here.
        quality: in steps of 1/256, or None where the model has a single rate.
        entries: one a stream, in coding order: z of every tile, y1 of every tile, ….
        size: bytes of the header, which is where the first stream begins.
        version: of the format.
        grid: the image's tiles.
        boxes: those of version 4.
    """

    width: int
    height: int
    model_identity: bytes
    coder: int
    quality: float | None
    entries: tuple[StreamEntry, ...]
    size: int
    version: int
    grid: Grid
    boxes: tuple[BoxEntry, ...] = ()

    @property
    def tile(self) -> tuple[int, int] | None:
        """Height and width of the tiles in units of 64 pixels; None for an image in one tile."""
        return self.grid.tile if self.grid.count > 1 else None

    @property
    def num_streams(self) -> int:
        """Streams of each tile."""
        return len(self.entries) // self.grid.count

    @property
    def lengths(self) -> tuple[int, ...]:
        """Bytes of z, y1, y2, …, each over all tiles."""
        count = self.grid.count
        firsts = range(0, len(self.entries), count)
        return tuple(sum(entry.length for entry in self.entries[first : first + count]) for first in firsts)

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
        """How many of z, y1, y2, … a file cut to `size` bytes still holds in full, for every tile."""
        return sum(end <= size for end in self.offsets[1:]) // self.grid.count


def stream_name(index: int, tiles: int) -> str:
    """What messages call stream number `index` of a file of that many tiles: z, y1, y2, …, and of which tile."""
    stream, tile = divmod(index, tiles)
    name = f"y{stream}" if stream else "z"
    return name if tiles == 1 else f"{name} of tile {tile + 1}"


def pack_prefix(
    width: int,
    height: int,
    model_identity: bytes,
    coder: int,
    quality: float | None,
    num_entries: int,
    version: int = VERSION,
    tile: tuple[int, int] | None = None,
    box_bytes: int = 0,
) -> bytes:
    """The header's bytes before boxes and stream table; ValueError where a field cannot be written.

    `num_entries` are the streams of all tiles; `tile` is what `Grid` calls so, for versions 3 and, of several tiles, 4;
    `box_bytes` are those of the boxes, for version 4 alone.
    """
    _check_version(version, tile, box_bytes)
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise ValueError(f"an image of {width}×{height} pixels cannot be written: 1 to 2**32 pixels can")
    if len(model_identity) != IDENTITY_BYTES:
        raise ValueError(f"a model identity has {IDENTITY_BYTES} bytes, got {len(model_identity)}")
    if not 1 <= coder <= MAX_CODER:
        raise ValueError(f"a range coder's identifier is 1 … {MAX_CODER}, got {coder}")
    if tile is not None and (fault := _tile_fault(width, height, tile)) is not None:
        raise ValueError(f"an image of {width}×{height} pixels cannot be written {fault}")
    num_tiles = 1 if tile is None else Grid(Grid.whole(height, width).area, tile).count
    num_streams, rest = divmod(num_entries, num_tiles)
    if rest:
        raise ValueError(f"{num_entries} streams cannot be those of {num_tiles} tiles")
    if not 1 <= num_streams <= MAX_STREAMS:
        raise ValueError(f"a file has 1 … {MAX_STREAMS} streams, got {num_streams}")
    steps = 0 if quality is None else quality * QUALITY_STEPS
    if quality is not None and not (1 <= steps < 1 << 16 and steps == int(steps)):
        raise ValueError(f"a quality is a multiple of 1/256 from 1/256 to 65535/256 (see round_quality), got {quality}")
    head = MAGIC + bytes([version, coder | num_streams << 3]) + model_identity
    head += varint(width) + varint(height) + int(steps).to_bytes(2, "little")
    if version >= TILED:
        head += bytes(tile or _ONE_TILE)
    return head if version < BOXED else head + varint(box_bytes)


def _check_version(version: int, tile: tuple[int, int] | None, box_bytes: int) -> None:
    if not 1 <= version <= BOXED:
        raise ValueError(f"a file has version 1 to {BOXED}, got {version}")
    if version < BOXED:
        if (tile is None) != (version < TILED):
            raise ValueError(f"a file of version {version} {'states' if tile is None else 'does not state'} its tiles")
        if box_bytes:
            raise ValueError(f"a file of version {version} has no boxes")


def _tile_fault(width: int, height: int, tile: tuple[int, int]) -> str | None:
    """What is wrong with tiles of those sides, or None."""
    grid, (rows, columns) = Grid.whole(height, width), tile
    if not (1 <= rows <= min(grid.area[0], MAX_SIDE) and 1 <= columns <= min(grid.area[1], MAX_SIDE)):
        return f"in tiles of {rows}×{columns} units"
    count = Grid(grid.area, tile).count
    return None if 1 < count <= MAX_TILES else f"in {count} tiles: 2 to {MAX_TILES} can"


def parse(data: bytes) -> Header:
    """Reads a header; the streams after it may be cut short or missing.

    Raises:
        FormatError: not a `.cca` file, or one of another version.
        CorruptError: the header is cut short, or says what no header says.
    """
    if not data.startswith(MAGIC):
        refuse_foreign(data, MAGIC)
    cursor = Cursor(data, len(MAGIC))
    version = cursor.take(1)[0]
    if version > BOXED:
        raise FormatError(
            f"the file has version {version} of the .cca format and this library reads versions up to {BOXED}: "
            "use a newer version of cca_jax"
        )
    if version < 1:
        raise FormatError(f"there is no version {version} of the .cca format: the file is damaged, {AGAIN}")
    layout = cursor.take(1)[0]
    coder, num_streams = layout & MAX_CODER, layout >> 3
    if coder == 0 or num_streams == 0:
        raise CorruptError(f"the file names no range coder or no streams: its header is damaged, {AGAIN}")
    model_identity = cursor.take(IDENTITY_BYTES)
    width, height = cursor.varint(), cursor.varint()
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise CorruptError(f"the file claims {width}×{height} pixels: its header is damaged, {AGAIN}")
    steps = int.from_bytes(cursor.take(2), "little")
    grid = Grid.whole(height, width)
    boxes: tuple[BoxEntry, ...] = ()
    if version >= TILED:
        grid = _read_grid(cursor, width, height, version)
    if version == BOXED:
        boxes = read_section(cursor, cursor.varint())
    entries = tuple(
        StreamEntry(cursor.varint(), int.from_bytes(cursor.take(2), "little"), int.from_bytes(cursor.take(4), "little"))
        for _ in range(num_streams * grid.count)
    )
    quality = steps / QUALITY_STEPS if steps else None
    return Header(width, height, model_identity, coder, quality, entries, cursor.position, version, grid, boxes)


def _read_grid(cursor: Cursor, width: int, height: int, version: int) -> Grid:
    rows, columns = cursor.take(2)
    if version == BOXED and (rows, columns) == _ONE_TILE:
        return Grid.whole(height, width)
    if (fault := _tile_fault(width, height, (rows, columns))) is not None:
        raise CorruptError(f"the file claims {width}×{height} pixels {fault}: its header is damaged, {AGAIN}")
    return Grid(Grid.whole(height, width).area, (rows, columns))
