"""Whole pictures through the codec: alpha, grey, 16 bits and metadata come back, and plain ones stay what they were."""

import dataclasses
import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from cca_jax.bitstream import container
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.codec.pictures.source import Source
from cca_jax.codec.quality_search import Target, compress_to_target
from cca_jax.entropy_coding.coders import default_coder
from cca_jax.image_io.photo import Metadata, Photo
from cca_jax.image_io.srgb_profile import srgb_profile

ROWS, COLUMNS = np.mgrid[:70, :90]
COLORS = np.stack([40 + 2 * COLUMNS, 30 + 2 * ROWS, 60 + ROWS + COLUMNS], axis=-1).astype(np.uint8)
ALPHA = np.clip(600 - 16 * np.hypot(ROWS - 35, COLUMNS - 45), 0, 255).astype(np.uint8)
NOISE = np.random.default_rng(0).integers(0, 256, COLORS.shape, dtype=np.uint8)
QUALITY = 60.0


@pytest.fixture(scope="module")
def codec(micro_lite, micro_lite_params):
    return Codec(Bundle.build("lite", "", micro_lite, micro_lite_params), default_coder())


@pytest.fixture(scope="module")
def plain(codec):
    return codec.compress(COLORS, QUALITY)


def boxes(data):
    return {box.kind: box.content for box in container.read(data).boxes}


def test_a_plain_picture_is_the_same_file_in_every_form(codec, plain):
    header = container.read_header(plain)
    assert (header.version, header.boxes) == (2, ())
    opaque = np.dstack([COLORS, np.full(ALPHA.shape, 255, np.uint8)])
    photo = Photo(COLORS, 8, False, None, Metadata(), ("a note",))
    for form in (opaque, photo, Image.fromarray(COLORS), Image.fromarray(opaque), Source(COLORS)):
        assert codec.compress(form, QUALITY) == plain
    assert codec.decode(plain).alpha is None
    np.testing.assert_array_equal(codec.decode(plain).pixels, codec.decompress(plain))


def test_alpha_comes_back_exactly_and_only_costs_itself(codec, plain):
    data = codec.compress(np.dstack([COLORS, np.maximum(ALPHA, 1)]), QUALITY)
    assert container.read_header(data).version == 4
    # Tile, length of the boxes (two bytes), and the box: its kind, its length and its checksum.
    (content,) = boxes(data).values()
    assert len(data) == len(plain) + 2 + 2 + 1 + 2 + len(content) + 4
    photo = codec.decode(data)
    np.testing.assert_array_equal(photo.alpha, np.maximum(ALPHA, 1))
    np.testing.assert_array_equal(photo.pixels, codec.decompress(plain))
    np.testing.assert_array_equal(codec.decompress(data), codec.decompress(plain))


def test_colors_under_full_transparency_cost_nothing(codec):
    hidden = ALPHA[..., None] == 0
    assert 0.3 < hidden.mean() < 0.7
    noisy, flat = (np.where(hidden, under, COLORS).astype(np.uint8) for under in (NOISE, np.uint8(128)))
    files = [codec.compress(np.dstack([colors, ALPHA]), QUALITY) for colors in (noisy, flat)]
    assert files[0] == files[1]
    assert codec.compress(noisy, QUALITY) != codec.compress(flat, QUALITY)


def test_gray_stays_gray(codec):
    for form in (COLORS[..., 0], COLORS[..., :1], Image.fromarray(COLORS[..., 0])):
        data = codec.compress(form, QUALITY)
        photo = codec.decode(data)
        assert photo.gray
        assert (photo.pixels == photo.pixels[..., :1]).all()
        decoded = codec.decompress(data).astype(int)
        assert decoded.shape == COLORS.shape
        np.testing.assert_array_equal(photo.pixels[..., 0], np.rint(decoded.mean(-1)))
    assert boxes(data) == {1: b"\x17"}


def test_gray_with_alpha(codec):
    photo = codec.decode(codec.compress(np.dstack([COLORS[..., 0], ALPHA]), QUALITY))
    assert photo.gray
    np.testing.assert_array_equal(photo.alpha, ALPHA)


@pytest.mark.parametrize("tile", [None, 64])
def test_16_bits_come_back_unrounded(codec, tile):
    ramp = np.repeat(np.linspace(20000, 30000, 70 * 90).astype(np.uint16).reshape(70, 90, 1), 3, axis=2)
    data = codec.compress(ramp, QUALITY, tile=tile)
    photo = codec.decode(data)
    assert (photo.depth, photo.pixels.dtype) == (16, np.uint16)
    eight = codec.decompress(data)
    assert eight.dtype == np.uint8
    assert len(np.unique(photo.pixels)) > 256 > len(np.unique(eight))
    # Both are the same floats, rounded once.
    assert np.abs(photo.pixels / 257 - eight).max() <= 0.501
    np.testing.assert_array_equal(codec.decode(data, depth=8).pixels, eight)
    assert codec.decode(data, depth=8).depth == 8


def test_the_networks_see_more_than_8_bits(codec):
    flat = np.full((64, 64, 3), 100 * 257, np.uint16)
    pair = [codec.encode(array, QUALITY) for array in (flat, flat + 128)]
    ys = [np.asarray(encoding.y_hat) for encoding in pair]
    rounded = codec.encode((flat // 257).astype(np.uint8), QUALITY)
    # 16 bits that are 8 bits are coded as these; half a level more is something else.
    np.testing.assert_array_equal(ys[0], rounded.y_hat)
    latents = [
        next(iter(codec._execution(encoding.grid, QUALITY).analyze(array)))[1]
        for encoding, array in zip(pair, (flat, flat + 128), strict=True)
    ]
    assert not np.array_equal(*latents)


def test_8_bits_can_be_decoded_to_16(codec, plain):
    photo = codec.decode(plain, depth=16)
    assert (photo.depth, photo.pixels.dtype) == (16, np.uint16)
    assert np.abs(photo.pixels / 257 - codec.decompress(plain)).max() <= 0.501
    for depth in (0, 7, 12, 32):
        with pytest.raises(ValueError, match=f"8 or 16 bits, got {depth}"):
            codec.decode(plain, depth=depth)


def test_12_bits_are_remembered(codec):
    photo = Photo(COLORS.astype(np.uint16) * 257, 12, False, ALPHA.astype(np.uint16) * 257, Metadata(), ())
    restored = codec.decode(codec.compress(photo, QUALITY))
    assert (restored.depth, restored.pixels.dtype) == (12, np.uint16)
    np.testing.assert_array_equal(restored.alpha, photo.alpha)
    np.testing.assert_array_equal(codec.decode(codec.compress(photo, QUALITY), depth=8).alpha, ALPHA)


def test_metadata_come_back(codec, plain):
    metadata = Metadata(
        imagecodecs.cms_profile("adobergb"), b"II*\0\x08\0\0\0\0\0\0\0\0\0", b"<x:xmpmeta/>" + b" " * 2000
    )
    data = codec.compress(Photo(COLORS, 8, False, None, metadata, ()), QUALITY)
    assert codec.decode(data).metadata == metadata
    assert len(data) - len(plain) < len(metadata.icc) + len(metadata.exif) + 100  # white space is deflated


def test_the_profile_of_srgb_takes_two_bytes(codec, plain):
    metadata = Metadata(srgb_profile(), None, None)
    data = codec.compress(Photo(COLORS, 8, False, None, metadata, ()), QUALITY)
    assert boxes(data) == {3: b"\x02\x01"}
    assert len(data) == len(plain) + 11
    assert codec.decode(data).metadata == metadata


def test_metadata_that_are_too_long_are_refused(codec):
    with pytest.raises(ValueError, match=r"Exif box has 16,777,217 bytes.*leave it out"):
        codec.compress(Photo(COLORS, 8, False, None, Metadata(None, bytes((1 << 24) + 1), None), ()))


def test_a_pillow_image_is_read_as_its_file_would_be(codec):
    buffer = io.BytesIO()
    turned = Image.fromarray(np.rot90(COLORS).copy())
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned.save(buffer, "PNG", exif=exif)
    photo = codec.decode(codec.compress(Image.open(buffer), QUALITY))
    assert photo.pixels.shape == COLORS.shape
    np.testing.assert_array_equal(photo.pixels, codec.decompress(codec.compress(COLORS, QUALITY)))
    restored = Image.Exif()
    restored.load(photo.metadata.exif)
    assert restored[0x0112] == 1


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "I;16", "La", "RGBa"]
)
def test_modes_of_pillow(codec, mode):
    image = Image.fromarray(COLORS).convert(
        "L" if mode == "I;16" else "RGBA" if mode in ("RGBa", "PA") else "LA" if mode == "La" else "RGB"
    )
    photo = codec.decode(codec.compress(image.convert(mode), QUALITY))
    assert photo.gray == (mode in ("1", "L", "LA", "La", "I;16"))
    assert photo.depth == (16 if mode == "I;16" else 8)


@pytest.mark.parametrize("mode", ["I", "F", "LAB"])
def test_modes_without_a_meaning_are_refused(codec, mode):
    with pytest.raises(ValueError, match=f"no Pillow image of mode {mode}: convert it to RGB"):
        codec.compress(Image.new(mode, (8, 8)))


def test_a_cut_file_keeps_what_is_beside_the_picture(codec):
    data = codec.compress(np.dstack([COLORS, ALPHA]), QUALITY)
    header = container.read_header(data)
    photo = codec.decode(data[: header.offsets[1]], slices=0)
    np.testing.assert_array_equal(photo.alpha, ALPHA)


def test_a_target_counts_boxes(codec):
    picture = np.dstack([COLORS, ALPHA])
    found = compress_to_target(codec, picture, Target(8.0, "bpp"))
    assert 8 * len(found.data) / ALPHA.size <= 8.0
    assert container.read_header(found.data).version == 4


def test_effort_on_16_bits(codec):
    deep = COLORS.astype(np.uint16) * 257 + 50
    plain, searched = (codec.compress(deep, QUALITY, effort=effort) for effort in (0, 1))
    assert searched != plain
    assert codec.decode(searched).depth == 16


def test_earlier_versions_leave_boxes_out(codec):
    encoding = codec.encode(dataclasses.replace(Photo(COLORS, 8, True, ALPHA, Metadata(), ())), QUALITY, version=2)
    assert encoding.container.boxes == ()
    assert container.read_header(container.write(encoding.container)).version == 2
