"""What is in boxes: round trips, sizes, and contents that lie or burst."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cca_jax.bitstream.boxes import alpha, kinds, metadata
from cca_jax.bitstream.boxes.picture import Samples, pack_samples, unpack_samples
from cca_jax.bitstream.fields import varint
from cca_jax.entropy_coding.errors import CodingError, CorruptError

SOFT = np.clip((12 - np.hypot(*np.mgrid[-20:20, -25:25])) * 40, 0, 255).astype(np.uint8)
SOFT_16 = np.clip((12 - np.hypot(*np.mgrid[-20:20, -25:25])) * 9000, 0, 65535).astype(np.uint16)
NOISE = np.random.default_rng(0)


@pytest.mark.parametrize("depth", range(8, 17))
@pytest.mark.parametrize("gray", [False, True])
def test_samples(depth, gray):
    content = pack_samples(Samples(depth, gray))
    assert content == bytes([depth - 1 + 16 * gray])
    assert unpack_samples(content) == Samples(depth, gray)


@pytest.mark.parametrize("content", [b"", b"\x06", b"\x00", b"\x27", b"\x97", b"\x07\x07"])
def test_samples_that_no_file_has(content):
    with pytest.raises(CorruptError, match="picture box"):
        unpack_samples(content)


def test_depths_that_are_not_written():
    with pytest.raises(ValueError, match="8 to 16 bits, got 17"):
        pack_samples(Samples(17))


@settings(deadline=None)
@given(st.binary(max_size=500) | st.binary(max_size=20).map(lambda part: part * 50))
def test_bytes_round_trip(data):
    content = metadata.pack_bytes(data, kinds.EXIF)
    assert len(content) <= len(data) + 1
    assert metadata.unpack_bytes(content, kinds.EXIF) == data


def test_repetition_is_deflated():
    packet = b"<?xpacket?>" + b" " * 2000
    content = metadata.pack_bytes(packet, kinds.XMP)
    assert content[0] == 1
    assert len(content) < 50
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    assert content == b"\x01" + varint(len(packet)) + deflate.compress(packet) + deflate.flush()


def test_bytes_that_are_too_many():
    with pytest.raises(ValueError, match="the Exif box has 16,777,217 bytes, at most 16,777,216"):
        metadata.pack_bytes(bytes(metadata.MAX_BYTES + 1), kinds.EXIF)


def deflated(data):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(data) + deflate.flush()


def test_bombs_do_not_burst():
    bomb = deflated(bytes(1 << 28))
    with pytest.raises(CorruptError, match="claims 268,435,456 bytes, at most"):
        metadata.unpack_bytes(b"\x01" + varint(1 << 28) + bomb, kinds.ICC)
    with pytest.raises(CorruptError, match="does not hold the 100 bytes"):
        metadata.unpack_bytes(b"\x01" + varint(100) + bomb, kinds.ICC)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x02\x01",
        b"\x01",
        b"\x01\x05",
        b"\x01\x05" + deflated(b"four"),
        b"\x01\x03" + deflated(b"four"),
        b"\x01\x04" + deflated(b"four")[:-1],
        b"\x01\x04" + deflated(b"four") + b"x",
        b"\x01\x04\xff\xff\xff",
    ],
)
def test_bytes_that_lie(content):
    with pytest.raises(CorruptError):
        metadata.unpack_bytes(content, kinds.XMP)


PLANES = {
    "soft": SOFT,
    "mask": (SOFT > 99).astype(np.uint8) * 255,
    "noise": NOISE.integers(0, 256, (9, 7), dtype=np.uint8),
    "one pixel": np.zeros((1, 1), np.uint8),
    "16 bits": SOFT_16,
    "16 bits of noise": NOISE.integers(0, 65536, (9, 7), dtype=np.uint16),
    "8 bits in 16": SOFT.astype(np.uint16) * 257,
    "wider than a WebP": np.zeros((1, 16384), np.uint8),
}


@pytest.mark.parametrize("name", PLANES)
def test_alpha_comes_back_exactly(name):
    plane = PLANES[name]
    restored = alpha.unpack_alpha(alpha.pack_alpha(plane), *plane.shape, plane.dtype.type)
    assert restored.dtype == plane.dtype
    np.testing.assert_array_equal(restored, plane)


def test_what_is_opaque_is_cropped():
    assert alpha.pack_alpha(np.full((30, 40), 255, np.uint8)) is None
    assert alpha.pack_alpha(np.full((30, 40), 65535, np.uint16)) is None
    plane = np.full((3000, 2000), 255, np.uint8)
    plane[1000:1040, 500:550] = SOFT
    content = alpha.pack_alpha(plane)
    # SOFT itself is opaque in the middle and has no opaque row or column at its border.
    own = alpha.pack_alpha(SOFT)
    assert content[1:7] == varint(1000) + varint(500) + bytes([40, 50])
    assert content[7:] == own[5:]
    np.testing.assert_array_equal(alpha.unpack_alpha(content, 3000, 2000, np.uint8), plane)


def test_8_bits_stand_for_257_times_as_much():
    content = alpha.pack_alpha(SOFT)
    np.testing.assert_array_equal(alpha.unpack_alpha(content, 40, 50, np.uint16), SOFT.astype(np.uint16) * 257)


def test_16_bits_in_a_picture_of_8_are_refused():
    with pytest.raises(CorruptError, match="16 bits for a picture of 8"):
        alpha.unpack_alpha(alpha.pack_alpha(SOFT_16), 40, 50, np.uint8)


def png(width, height, mode="L"):
    buffer = io.BytesIO()
    Image.new(mode, (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def huge_png():
    """A PNG whose header claims 60000×60000 pixels."""
    data = bytearray(png(4, 4))
    data[16:24] = struct.pack(">II", 60000, 60000)
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


HUGE_WEBP = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f" + ((16382 << 14) | 16382).to_bytes(4, "little") + bytes(20)
BOX_4 = bytes([0, 0, 4, 4])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut short"),
        (b"\x01\x00\x00", "cut short"),
        (b"\x00" + BOX_4 + png(4, 4), "says what no file says"),
        (b"\x04" + BOX_4 + png(4, 4), "says what no file says"),
        (b"\x01" + BOX_4, "says what no file says"),
        (b"\x01" + BOX_4 + png(4, 5), "says what no file says"),
        (b"\x02" + BOX_4 + png(4, 4), "says what no file says"),
        (b"\x01\x02\x00\x04\x04" + png(4, 4), "says what no file says"),
        (b"\x01\x00\x00\x00\x04" + png(4, 4), "says what no file says"),
        (b"\x01" + BOX_4 + png(4, 4)[:40], "cannot be decoded"),
        (b"\x01" + BOX_4 + png(4, 4, "RGB"), "its samples are RGB"),
        (b"\x01" + BOX_4 + png(4, 4, "P"), "its samples are P"),
        (b"\x01" + BOX_4 + huge_png(), "says what no file says"),
        (b"\x02" + BOX_4 + HUGE_WEBP, "says what no file says"),
    ],
)
def test_alpha_that_lies(content, message):
    with pytest.raises(CorruptError, match=message):
        alpha.unpack_alpha(content, 5, 5, np.uint8)


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from([alpha.pack_alpha(plane) for plane in (SOFT, SOFT_16, PLANES["mask"], PLANES["one pixel"])]),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(1, 255)), min_size=1, max_size=3),
    st.integers(0, 1 << 16),
)
def test_changed_alpha_never_does_worse_than_an_error(content, changes, cut):
    changed = bytearray(content)
    for place, bits in changes:
        changed[place % len(changed)] ^= bits
    for data in (bytes(changed), bytes(changed)[: cut % len(changed)]):
        assert outcome(data) in ((40, 50, np.uint16), "one line")


def outcome(content):
    """The shape and type of a plane of 16 bits, or that it was refused in one line."""
    try:
        plane = alpha.unpack_alpha(content, 40, 50, np.uint16)
    except CodingError as error:
        return "one line" if "\n" not in str(error) else str(error)
    return (*plane.shape, plane.dtype)
