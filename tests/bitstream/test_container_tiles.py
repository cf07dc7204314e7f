"""Files of several tiles: what is where, which slices a cut file still holds, and tiles that cannot be."""

import dataclasses
import zlib

import pytest

from cca_jax.bitstream import container
from cca_jax.bitstream.container import Container, Stream
from cca_jax.entropy_coding.errors import CodingError, CorruptError

IDENTITY = bytes(range(8))
# 513×300 pixels are 9×5 units: two columns and two rows of tiles.
TILED = Container(
    513, 300, IDENTITY, 2, 3.5, tuple(Stream(bytes([k]) * (3 * k % 7), 9 * k) for k in range(12)), 3, (4, 5)
)


def test_a_tiled_file_has_its_tiles_sides_in_the_header_and_its_streams_slice_by_slice():
    data = container.write(TILED)
    prefix = bytes.fromhex("434341 03 1a 0001020304050607 8104 ac02 8003 0405")
    entries = b"".join(
        entry + zlib.crc32(prefix + entry + stream.data).to_bytes(4, "little")
        for stream in TILED.streams
        for entry in [bytes([len(stream.data)]) + stream.symbol_check.to_bytes(2, "little")]
    )
    assert data == prefix + entries + b"".join(stream.data for stream in TILED.streams)
    assert container.read(data) == TILED
    head = container.read_header(data)
    assert (head.grid, head.num_streams) == (TILED.grid, 3)
    assert (head.grid.area, head.grid.tile, head.grid.count) == ((5, 9), (4, 5), 4)
    assert head.lengths == tuple(sum(3 * k % 7 for k in range(4 * s, 4 * s + 4)) for s in range(3))
    assert TILED.streams_of(3) == (TILED.streams[3], TILED.streams[7], TILED.streams[11])


def test_the_slices_of_a_tiled_file_are_whole_when_they_are_whole_in_every_tile():
    data = container.write(TILED)
    head = container.read_header(data)
    for size in range(head.size, len(data) + 1):
        whole = head.whole_streams(size)
        assert whole == sum(size >= head.offsets[end] for end in (4, 8, 12))
        if whole:
            assert container.read(data[:size], whole).streams == TILED.streams[: 4 * whole]
        if whole < 3:
            with pytest.raises(CorruptError, match=r"stream \w+ of tile \d \(\d+ of 12\)") as caught:
                container.read(data[:size], whole + 1)
            some = size >= head.offsets[1]  # the first stream is whole, so something can be seen
            assert ("--partial" in str(caught.value)) == some


@pytest.mark.parametrize("tile", [(0, 5), (4, 0), (6, 5), (4, 10), (5, 9)])
def test_impossible_tiles_are_refused(tile):
    with pytest.raises(ValueError, match="cannot be written in"):
        container.write(dataclasses.replace(TILED, tile=tile))
    data = bytearray(container.write(TILED))
    at = data.index(bytes(TILED.tile), 12)
    data[at : at + 2] = bytes(tile)
    with pytest.raises(CorruptError, match="claims 513×300 pixels in"):
        container.read_header(bytes(data))


def test_a_claim_of_many_tiles_allocates_nothing():
    head = b"CCA\x03\x0a" + IDENTITY + b"\x80\x80\x04" * 2 + bytes(2)  # 65536×65536 pixels
    with pytest.raises(CorruptError, match="in 1048576 tiles: 2 to 65536 can"):
        container.read_header(head + b"\x01\x01" + bytes(50))
    with pytest.raises(CorruptError, match="cut short within its header"):
        container.read_header(head + b"\x04\x04" + bytes(50))


def test_every_flipped_bit_is_seen():
    data = container.write(TILED)
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CodingError):
            container.read(bytes(changed))
