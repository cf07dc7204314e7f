"""What is whole in a file cut at every byte, or with any byte changed."""

import pytest

from cca_jax.bitstream.boxes.kinds import EXIF
from cca_jax.bitstream.boxes.section import Box
from cca_jax.bitstream.container import Container, Stream, read, read_header, write
from cca_jax.bitstream.partial import read_whole_streams
from cca_jax.entropy_coding.errors import CodingError, CorruptError

ONE_TILE = Container(70, 40, b"identity", 1, None, tuple(Stream(bytes([i]) * (5 - i), i) for i in range(4)))
TILES = Container(130, 60, b"identity", 1, 2.0, tuple(Stream(bytes([i]) * (3 + i % 2), i) for i in range(9)), 3, (1, 1))


def expected(file, size):
    """Slices of each tile of which every byte lies within the first `size`: offsets say where each stream ends."""
    header = read_header(write(file))
    ends = header.offsets[1:]
    return [sum(end <= size for end in ends[tile :: file.grid.count]) - 1 for tile in range(file.grid.count)]


@pytest.mark.parametrize("file", [ONE_TILE, TILES])
def test_a_file_cut_anywhere_has_what_lies_before_the_cut(file):
    data = write(file)
    header = read_header(data)
    for size in range(len(data) + 1):
        if size < header.offsets[1]:
            with pytest.raises(CodingError):
                read_whole_streams(data[:size])
            continue
        left = read_whole_streams(data[:size])
        assert list(left.slices) == expected(file, size)
        for tile in range(file.grid.count):
            assert left.streams_of(tile) == file.streams_of(tile)[: 1 + left.slices[tile]]
        assert (left.missing is None) == (size == len(data))


def test_a_changed_byte_costs_its_stream_and_those_after_it_in_its_tile():
    data, header = write(TILES), read_header(write(TILES))
    for index in range(9):
        damaged = bytearray(data)
        damaged[header.offsets[index]] ^= 1
        stream, tile = divmod(index, 3)
        slices = [2, 2, 2]
        slices[tile] = stream - 1
        assert list(read_whole_streams(bytes(damaged)).slices) == slices


def test_a_changed_header_leaves_nothing():
    """Every checksum covers what is before the first length."""
    data = write(ONE_TILE)
    for place in range(5, 15):  # the identity, width and height
        damaged = bytearray(data)
        damaged[place] ^= 1
        with pytest.raises(CorruptError, match="nothing of the picture is whole"):
            read_whole_streams(bytes(damaged))


@pytest.mark.parametrize(
    ("file", "size", "words"),
    [
        (ONE_TILE, -1, "2 of 3 slices are whole"),
        (TILES, -1, "1 to 2 of 2 slices of a tile are whole"),
        (TILES, -14, "0 to 1 of 2 slices of a tile are whole"),
        (TILES, -18, "0 of 2 slices of a tile are whole"),
        (TILES, -26, "0 of 2 slices of a tile are whole, of 2 of the 3 tiles nothing"),
    ],
)
def test_what_is_missing_in_words(file, size, words):
    assert read_whole_streams(write(file)[:size]).missing == words


def test_fewer_slices_can_be_asked_for():
    assert read_whole_streams(write(TILES)[:-1]).limited(1).slices == (1, 1, 1)
    assert read_whole_streams(write(TILES)[:-1]).limited(0).slices == (0, 0, 0)


def test_a_damaged_box_is_left_out():
    file = Container(70, 40, b"identity", 1, None, ONE_TILE.streams, 4, boxes=(Box(EXIF, b"II*\0"),))
    data = write(file)
    assert read_whole_streams(data).boxes == file.boxes
    damaged = data.replace(b"II*", b"II+")
    with pytest.raises(CorruptError):
        read(damaged)
    left = read_whole_streams(damaged)
    assert (left.boxes, left.slices) == ((), (3,))
