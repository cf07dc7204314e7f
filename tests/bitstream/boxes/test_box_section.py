"""Version 4: files with boxes round trip, every changed bit is seen, and what is not known is skipped or refused."""

import dataclasses
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cca_jax.bitstream import container
from cca_jax.bitstream.boxes import kinds
from cca_jax.bitstream.boxes.section import MAX_BOXES, Box
from cca_jax.bitstream.container import Container, Stream
from cca_jax.bitstream.fields import varint
from cca_jax.bitstream.header import pack_prefix
from cca_jax.entropy_coding.errors import CodingError, CorruptError, FormatError

IDENTITY = bytes(range(8))
UNKNOWN, UNKNOWN_CRITICAL = 100, 100 + kinds.CRITICAL
EXAMPLE = Container(
    300,
    200,
    IDENTITY,
    2,
    50.0,
    (Stream(b"zzz", 1), Stream(b"", 0), Stream(bytes(20), 65535)),
    version=4,
    boxes=(Box(kinds.PICTURE, b"\x17"), Box(kinds.EXIF, b"\x00II*\x00"), Box(UNKNOWN, bytes(130))),
)

boxes = st.lists(
    st.builds(Box, kind=st.integers(6, 127), content=st.binary(max_size=200)), max_size=6
) | st.permutations([Box(kind, bytes([kind])) for kind in range(1, 6)])
containers = st.builds(
    Container,
    width=st.integers(1, 1 << 16),
    height=st.integers(1, 1 << 16),
    model_identity=st.just(IDENTITY),
    coder=st.integers(1, 7),
    quality=st.none() | st.integers(1, 65535).map(lambda steps: steps / 256),
    streams=st.lists(st.builds(Stream, data=st.binary(max_size=50), symbol_check=st.integers(0, 65535)), min_size=1)
    .filter(lambda streams: len(streams) <= 31)
    .map(tuple),
    version=st.just(4),
    boxes=boxes.map(tuple),
)


def forged(section, size=None):
    """A file of one empty stream with these bytes for its boxes, all checksums of the rest right."""
    prefix = pack_prefix(64, 64, IDENTITY, 2, None, 1, 4, None, len(section) if size is None else size)
    entry = b"\x00\x00\x00"
    return prefix + section + entry + zlib.crc32(prefix + entry).to_bytes(4, "little")


def forged_box(kind, content, box_bytes, length=None):
    """A box with a right checksum in a file whose section has so many bytes; `length` states another one."""
    prefix = pack_prefix(64, 64, IDENTITY, 2, None, 1, 4, None, box_bytes)
    head = bytes([kind]) + varint(len(content) if length is None else length)
    return head + content + zlib.crc32(prefix + head + content).to_bytes(4, "little")


@settings(deadline=None)
@given(containers)
def test_round_trip(before):
    data = container.write(before)
    assert container.read(data) == before
    head = container.read_header(data)
    assert tuple(entry.box for entry in head.boxes) == before.boxes
    assert head.file_size == len(data)
    for stream, start in zip(before.streams, head.offsets, strict=False):
        assert data[start : start + len(stream.data)] == stream.data


def test_tiles_and_boxes():
    tiled = dataclasses.replace(EXAMPLE, tile=(2, 5), streams=(Stream(b"a", 1), Stream(b"bc", 2)) * 3)
    data = container.write(tiled)
    assert container.read(data) == tiled
    plain = dataclasses.replace(tiled, version=3, boxes=())
    overhead = 1 + sum(len(box.content) + 6 + (len(box.content) > 127) for box in EXAMPLE.boxes)
    # The section's own length has two bytes.
    assert len(data) - len(container.write(plain)) == overhead + 1


def test_golden_bytes():
    data = container.write(dataclasses.replace(EXAMPLE, boxes=EXAMPLE.boxes[:1]))
    prefix = bytes.fromhex("434341 04 1a 0001020304050607 ac02 c801 0032 0000 07")
    head = b"\x01\x01"
    assert data.startswith(prefix + head + b"\x17" + zlib.crc32(prefix + head + b"\x17").to_bytes(4, "little"))
    entry = b"\x03" + b"\x01\x00"
    assert data[len(prefix) + 7 :].startswith(entry + zlib.crc32(prefix + entry + b"zzz").to_bytes(4, "little"))


def test_every_flipped_bit_is_seen():
    data = container.write(EXAMPLE)
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CodingError) as caught:
            container.read(bytes(changed))
        assert "\n" not in str(caught.value)


def test_a_file_cut_within_its_boxes_is_refused_and_one_cut_behind_them_is_read():
    data = container.write(EXAMPLE)
    head = container.read_header(data)
    for size in range(4, len(data)):
        with pytest.raises(CorruptError, match="cut short"):
            container.read(data[:size])
        if size < head.size:
            with pytest.raises(CorruptError, match="cut short"):
                container.read_header(data[:size])
        elif whole := head.whole_streams(size):
            assert container.read(data[:size], whole).boxes == EXAMPLE.boxes


def test_damage_is_located():
    data = bytearray(container.write(EXAMPLE))
    data[data.index(b"II*") + 1] ^= 1
    with pytest.raises(CorruptError, match="the header or the Exif box is damaged"):
        container.read(bytes(data))


def test_unknown_boxes_are_kept_unless_they_are_critical():
    skippable = dataclasses.replace(EXAMPLE, boxes=(Box(UNKNOWN, b"later"),) * 2)
    assert container.read(container.write(skippable)) == skippable
    critical = dataclasses.replace(EXAMPLE, boxes=(Box(UNKNOWN_CRITICAL, b"layers"),))
    with pytest.raises(FormatError, match=r"box 228, which this library does not know.*use a newer version"):
        container.read(container.write(critical))
    assert container.read_header(container.write(critical)).boxes[0].box == critical.boxes[0]


def test_a_known_box_that_is_there_twice_is_refused():
    twice = (Box(kinds.XMP, b"a"), Box(kinds.XMP, b"b"))
    with pytest.raises(ValueError, match="one XMP box, got 2"):
        container.write(dataclasses.replace(EXAMPLE, boxes=twice))
    size = 2 * 7
    with pytest.raises(CorruptError, match="more than one XMP box"):
        container.read(forged(b"".join(forged_box(kinds.XMP, box.content, size) for box in twice)))


def test_boxes_must_fill_their_section():
    assert container.read(forged(b"")).boxes == ()
    assert container.read(forged(forged_box(UNKNOWN, b"ok", 8))).boxes == (Box(UNKNOWN, b"ok"),)
    for section in (
        b"\x01",
        bytes(7),  # kind 0
        forged_box(UNKNOWN, b"ok", 9) + b"\x01",
        forged_box(UNKNOWN, b"ok", 8, length=3),
        forged_box(UNKNOWN, b"ok", 12, length=(1 << 35) - 1),
        bytes.fromhex("64 8000 00000000"),  # a length in two bytes that fits one
    ):
        with pytest.raises(CorruptError, match="damaged"):
            container.read(forged(section))


def test_a_claim_of_huge_boxes_allocates_nothing():
    for size in (1 << 30, (1 << 32) - 1):
        with pytest.raises(CorruptError, match="cut short within its boxes"):
            container.read(forged(b"", size))
    with pytest.raises(CorruptError, match=f"claims {1 << 32} bytes of boxes"):
        container.read(forged(b"", 1 << 32))


def test_too_many_boxes_are_refused():
    most = dataclasses.replace(EXAMPLE, boxes=(Box(UNKNOWN, b""),) * MAX_BOXES)
    assert container.read(container.write(most)) == most
    with pytest.raises(ValueError, match="at most 255 boxes, got 256"):
        container.write(dataclasses.replace(EXAMPLE, boxes=(Box(UNKNOWN, b""),) * 256))
    with pytest.raises(CorruptError, match="do not fit"):
        container.read(forged(forged_box(UNKNOWN, b"", 256 * 6) * 256))


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=120), st.integers(0, 3))
def test_arbitrary_sections_never_do_worse_than_an_error(section, excess):
    for data in (forged(section), forged(section, len(section) + excess)):
        assert outcome(data) in ("read", "one line")


def outcome(data):
    """That a file was read, or refused in one line."""
    try:
        container.read(data)
    except CodingError as error:
        return "one line" if "\n" not in str(error) else str(error)
    return "read"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boxes": (Box(0, b""),)}, "kind 1 … 255"),
        ({"boxes": (Box(256, b""),)}, "kind 1 … 255"),
        ({"version": 2}, "version 2 has no boxes"),
        ({"version": 3, "tile": (1, 3)}, "version 3 has no boxes"),
    ],
)
def test_write_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        container.write(dataclasses.replace(EXAMPLE, **change))
