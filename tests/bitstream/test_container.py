import dataclasses
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cca_jax.bitstream import container, header
from cca_jax.bitstream.container import Container, Stream
from cca_jax.entropy_coding.errors import CodingError, CorruptError, FormatError, MismatchError

IDENTITY = bytes(range(8))
EXAMPLE = Container(
    768, 512, IDENTITY, 2, None, (Stream(b"zzz", 1), Stream(b"", 0), Stream(bytes(200), 65535), Stream(b"last", 9))
)
# The format of files already written: a change here means that they can no longer be read.
GOLDEN_PREFIXES = {
    version: bytes.fromhex(f"434341 {version:02x} 22 0001020304050607 8006 8004 0000") for version in (1, 2)
}

containers = st.builds(
    Container,
    width=st.integers(1, 1 << 16),
    height=st.integers(1, 1 << 16),
    model_identity=st.binary(min_size=8, max_size=8),
    coder=st.integers(1, 7),
    quality=st.none() | st.integers(1, 65535).map(lambda steps: steps / 256),
    streams=st.lists(
        st.builds(Stream, data=st.binary(max_size=300), symbol_check=st.integers(0, 65535)), min_size=1, max_size=31
    ).map(tuple),
    version=st.integers(1, 2),
)


def one_line(caught) -> str:
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


@settings(deadline=None)
@given(containers)
def test_round_trip(before):
    data = container.write(before)
    assert container.read(data) == before
    head = container.read_header(data)
    assert (head.width, head.height, head.model_identity) == (before.width, before.height, before.model_identity)
    assert (head.coder, head.quality, head.version) == (before.coder, before.quality, before.version)
    assert [entry.length for entry in head.entries] == [len(stream.data) for stream in before.streams]
    assert head.file_size == len(data)
    for stream, start in zip(before.streams, head.offsets, strict=False):
        assert data[start : start + len(stream.data)] == stream.data


def test_version_2_is_what_is_written():
    assert container.read(container.write(EXAMPLE)).version == 2


@pytest.mark.parametrize("version", GOLDEN_PREFIXES)
def test_golden_header(version):
    data = container.write(dataclasses.replace(EXAMPLE, version=version))
    prefix = GOLDEN_PREFIXES[version]
    assert data.startswith(prefix)
    entry = b"\x03" + b"\x01\x00"
    assert data[len(prefix) :].startswith(entry + zlib.crc32(prefix + entry + b"zzz").to_bytes(4, "little"))
    entry = b"\xc8\x01" + b"\xff\xff"
    assert entry + zlib.crc32(prefix + entry + bytes(200)).to_bytes(4, "little") in data
    assert data.endswith(b"zzz" + bytes(200) + b"last")


def test_every_flipped_bit_is_seen():
    small = dataclasses.replace(
        EXAMPLE, quality=3.5, streams=(Stream(b"zz", 7), Stream(b"y" * 130, 258), Stream(b"", 0))
    )
    data = container.write(small)
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CodingError) as caught:
            container.read(bytes(changed))
        one_line(caught)


def test_every_flipped_bit_before_the_cut_is_seen():
    data = container.write(EXAMPLE)
    head = container.read_header(data)
    used = head.offsets[1]
    ends = np.cumsum([len(entry.head()) + 4 for entry in head.entries])
    first_entry = head.size - int(ends[-1]) + int(ends[0])
    for position in [*range(first_entry), *range(head.size, used)]:
        for bit in range(8):
            changed = bytearray(data)
            changed[position] ^= 1 << bit
            with pytest.raises(CodingError):
                container.read(bytes(changed), num_streams=1)


def test_a_file_cut_anywhere_gives_the_streams_before_the_cut():
    data = container.write(EXAMPLE)
    head = container.read_header(data)
    for size in range(len(data)):
        with pytest.raises(CodingError, match="empty" if size == 0 else "cut short") as caught:
            container.read(data[:size])
        one_line(caught)
        if size < head.size:
            continue
        assert container.read_header(data[:size]) == head
        whole = head.whole_streams(size)
        if whole:
            assert container.read(data[:size], num_streams=whole).streams == EXAMPLE.streams[:whole]
        if whole < len(EXAMPLE.streams):
            with pytest.raises(CorruptError, match=rf"cut short: stream \w+ \({whole + 1} of 4\)"):
                container.read(data[:size], num_streams=whole + 1)
    assert head.whole_streams(len(data)) == 4


def test_a_cut_file_says_what_can_still_be_decoded():
    data = container.write(EXAMPLE)
    with pytest.raises(CorruptError, match=r"stream y3 \(4 of 4\) has 3 of its 4 bytes.*--partial"):
        container.read(data[:-1])


def test_fewer_streams_of_a_whole_file():
    data = container.write(EXAMPLE)
    assert container.read(data, 2).streams == EXAMPLE.streams[:2]
    for impossible in (0, -1, 5):
        with pytest.raises(ValueError, match="1 to 4 can be read"):
            container.read(data, impossible)


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (b"", FormatError, "empty"),
        (b"C", CorruptError, "cut short within its header"),
        (b"CCA", CorruptError, "cut short within its header"),
        (b"CCA\x01", CorruptError, "cut short within its header"),
        (b"CCA\x05" + bytes(50), FormatError, "version 5 .* versions up to 4: use a newer version of cca_jax"),
        (b"CCA\x00" + bytes(50), FormatError, "no version 0"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), FormatError, "a PNG image"),
        (b"\xff\xd8\xff\xe0" + bytes(50), FormatError, "a JPEG image"),
        (b"RIFF" + bytes(50), FormatError, "a WebP"),
        (b"hello, this is text\n", FormatError, "a text file"),
        (bytes(100), FormatError, "not a .cca file .it begins with 00 00 00 00"),
        (b"CCA\x01\x08" + bytes(50), CorruptError, "names no range coder"),
        (b"CCA\x01\x02" + bytes(50), CorruptError, "names no range coder or no streams"),
        (b"CCA\x01\x0a" + IDENTITY + b"\x00\x01", CorruptError, "claims 0×1 pixels"),
        (b"CCA\x01\x0a" + IDENTITY + b"\x80\x80\x04\x81\x80\x04", CorruptError, "claims 65536×65537 pixels"),
        (b"CCA\x01\x0a" + IDENTITY + b"\x81\x00\x01", CorruptError, "malformed"),
        (b"CCA\x01\x0a" + IDENTITY + b"\xff\xff\xff\xff\xff\x01", CorruptError, "malformed"),
    ],
)
def test_what_is_not_a_file_is_named(data, kind, message):
    for read in (container.read, container.read_header):
        with pytest.raises(kind, match=message) as caught:
            read(data)
        one_line(caught)


def test_damage_is_located():
    data = bytearray(container.write(EXAMPLE))
    with pytest.raises(CorruptError, match="5 bytes follow the end"):
        container.read(bytes(data) + b"extra")
    with pytest.raises(CorruptError, match="5 bytes follow the end"):
        container.read(bytes(data) + b"extra", num_streams=1)
    data[-1] ^= 1
    with pytest.raises(CorruptError, match="stream y3 is damaged"):
        container.read(bytes(data))
    data[14] ^= 1  # of the width
    with pytest.raises(CorruptError, match="header or stream z is damaged"):
        container.read(bytes(data))


def test_a_claim_of_a_huge_stream_allocates_nothing():
    prefix = header.pack_prefix(1 << 16, 1 << 16, IDENTITY, 1, None, 1)
    data = prefix + header.StreamEntry((1 << 35) - 1, 0, 0).head() + bytes(4)
    assert container.read_header(data).entries[0].length == (1 << 35) - 1
    with pytest.raises(CorruptError, match=r"stream z \(1 of 1\) has 0 of its 34359738367 bytes"):
        container.read(data)


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"CCA\x01", b"CCA\x03"]))
def test_arbitrary_bytes_never_do_worse_than_an_error(data, before):
    with pytest.raises(CodingError):
        container.read(before + data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "0×512 pixels"),
        ({"width": 1 << 24}, "pixels cannot be written"),
        ({"model_identity": b"short"}, "8 bytes, got 5"),
        ({"coder": 0}, "1 … 7, got 0"),
        ({"coder": 8}, "1 … 7, got 8"),
        ({"quality": 0.001}, "multiple of 1/256"),
        ({"quality": 0.0}, "multiple of 1/256"),
        ({"quality": 256.0}, "multiple of 1/256"),
        ({"quality": float("nan")}, "multiple of 1/256"),
        ({"streams": ()}, "1 … 31 streams, got 0"),
        ({"streams": (Stream(b"", 0),) * 32}, "1 … 31 streams, got 32"),
        ({"streams": (Stream(b"", 65536),)}, "0 … 65535, got 65536"),
        ({"version": 0}, "version 1 to 4, got 0"),
        ({"version": 5}, "version 1 to 4, got 5"),
        ({"version": 3}, "version 3 states its tiles"),
        ({"tile": (8, 6)}, "version 2 does not state its tiles"),
        ({"tile": (4, 4), "version": 3}, "4 streams cannot be those of 6 tiles"),
    ],
)
def test_write_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        container.write(dataclasses.replace(EXAMPLE, **change))


@pytest.mark.parametrize(("quality", "rounded"), [(0.0, 1 / 256), (1.001, 1.0), (3.5, 3.5), (1e9, 65535 / 256)])
def test_round_quality(quality, rounded):
    assert container.round_quality(quality) == rounded
    data = container.write(dataclasses.replace(EXAMPLE, quality=rounded))
    assert container.read(data).quality == rounded


def test_header_takes_at_most_80_bytes():
    # Six streams of up to 2**28 - 1 bytes each, and every shape to 100 megapixels at which a varint grows.
    sides = sorted({side for k in range(28) for side in (2**k - 1, 2**k, 100_000_000 >> k) if side >= 1})
    entries = 6 * (len(header.StreamEntry((1 << 28) - 1, 65535, 0).head()) + 4)
    prefixes = [
        len(header.pack_prefix(width, height, IDENTITY, 7, 65535 / 256, 6))
        for width in sides
        for height in sides
        if width * height <= 100_000_000
    ]
    assert max(prefixes) + entries == 80


def test_symbol_check():
    symbols = np.array([1, -1, 70000], np.int32)
    stated = bytes.fromhex("01000000 ffffffff 70110100")
    assert container.symbol_check(symbols) == zlib.crc32(stated) & 0xFFFF
    assert container.symbol_check(symbols.astype(">i4")) == container.symbol_check(symbols)
    assert container.symbol_check(np.zeros(0, np.int32)) == 0
    container.verify_symbols(0, container.symbol_check(symbols), symbols)
    with pytest.raises(MismatchError, match="stream y2 is intact") as caught:
        container.verify_symbols(2, container.symbol_check(symbols), symbols[::-1])
    one_line(caught)
