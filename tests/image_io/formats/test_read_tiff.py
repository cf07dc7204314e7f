"""TIFF: the meaning of samples, transparency, pages, and what is kept of its tags."""

import io

import numpy as np
import pytest
import tifffile
from image_files import tiff
from PIL import Image

from cca_jax.image_io.photo import flatten, read_photo

GRAY, RGB = np.array([[0, 40, 255]], np.uint8), np.array([[[200, 100, 50], [0, 0, 0], [255, 255, 255]]], np.uint8)
PHOTOMETRIC, EXTRA, SUBFILE, OLD_SUBFILE = 262, 338, 254, 255


# Samples


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("order", ["<", ">"])
def test_white_may_be_zero(dtype, order):
    scale = 1 if dtype == np.uint8 else 257
    photo = read_photo(tiff(GRAY.astype(dtype) * scale, {PHOTOMETRIC: ("H", [0])}, order))
    assert photo.pixels[0, :, 0].tolist() == [255 * scale, 215 * scale, 0]
    assert photo.gray


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_shallow_greys(depth, white_is_zero):
    packed = np.frombuffer(bytes([0b10110000]), np.uint8).reshape(1, 1)
    width = 8 // depth
    tags = {256: ("H", [width]), 258: ("H", [depth]), PHOTOMETRIC: ("H", [0 if white_is_zero else 1])}
    values = [int(f"{0b10110000:08b}"[at : at + depth], 2) for at in range(0, 8, depth)]
    expected = [value * 255 // ((1 << depth) - 1) for value in values]
    photo = read_photo(tiff(packed, tags))
    assert photo.pixels[0, :, 1].tolist() == [255 - value if white_is_zero else value for value in expected]


def test_12_bits():
    packed = np.frombuffer(bytes([0x12, 0x3F, 0xFF]), np.uint8).reshape(1, 3)
    photo = read_photo(tiff(packed, {256: ("H", [2]), 258: ("H", [12]), 277: ("H", [1])}))
    assert photo.depth == 12
    np.testing.assert_allclose(photo.pixels[0, :, 0], [0x123 * 65_535 / 4095, 65_535], atol=0.51)


@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "zstd"])
@pytest.mark.parametrize("layout", [{}, {"tile": (16, 16)}, {"planarconfig": "separate"}, {"byteorder": ">"}])
def test_16_bit_colours_in_every_layout(compression, layout):
    samples = np.random.default_rng(0).integers(0, 65_536, (20, 30, 3), dtype=np.uint16)
    buffer = io.BytesIO()
    planes = np.moveaxis(samples, -1, 0) if "planarconfig" in layout else samples
    tifffile.imwrite(buffer, planes, photometric="rgb", compression=compression, **layout)
    photo = read_photo(buffer.getvalue())
    assert (photo.depth, photo.notes) == (16, ())
    np.testing.assert_array_equal(photo.pixels, samples)


@pytest.mark.parametrize("compression", ["lzw", "deflate", None])
def test_a_file_that_is_cut_short(compression, refuse):
    buffer = io.BytesIO()
    samples = np.random.default_rng(0).integers(0, 65_536, (40, 40, 3), dtype=np.uint16)
    tifffile.imwrite(buffer, samples, photometric="rgb", compression=compression)
    assert "whole copy" in refuse(buffer.getvalue()[:-500])


def test_fax_codes_and_jpeg_within():
    black = Image.fromarray(np.eye(16, dtype=bool))
    color = Image.new("RGB", (16, 16), (200, 100, 50))
    for image, options in ((black, {"compression": "group4"}), (color, {"compression": "jpeg", "quality": 95})):
        buffer = io.BytesIO()
        image.save(buffer, "TIFF", **options)
        np.testing.assert_allclose(read_photo(buffer.getvalue()).pixels, np.asarray(image.convert("RGB")), atol=3)


@pytest.mark.parametrize(
    ("samples", "tags", "message"),
    [
        (np.ones((1, 2), np.int32), {339: ("H", [1])}, "32-bit integer samples, whose range is not known"),
        (np.ones((1, 2), np.float32), {339: ("H", [3])}, "floating-point samples"),
        (np.ones((1, 2), np.int16), {339: ("H", [2])}, "signed samples"),
        (RGB, {PHOTOMETRIC: ("H", [10])}, "a kind that is not read (photometric 10)"),
        (np.ones((1, 2, 4), np.uint8), {PHOTOMETRIC: ("H", [5]), 332: ("H", [2])}, "other than cyan"),
        (GRAY, {PHOTOMETRIC: ("H", [32803])}, "raw photo"),
        (RGB, {50706: ("B", [1, 4, 0, 0])}, "raw photo"),
    ],
)
def test_samples_without_a_known_meaning_are_refused(refuse, samples, tags, message):
    assert message in refuse(tiff(samples, tags))


# Transparency


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_additional_samples(dtype):
    scale = 1 if dtype == np.uint8 else 257
    samples = np.array([[[100, 50, 0, 100], [0, 0, 0, 0], [80, 80, 80, 255]]], dtype) * scale
    straight, multiplied, unused = (read_photo(tiff(samples, {EXTRA: ("H", [kind])})) for kind in (2, 1, 0))
    np.testing.assert_array_equal(straight.pixels, samples[..., :3])
    np.testing.assert_array_equal(straight.alpha, samples[..., 3])
    np.testing.assert_array_equal(multiplied.alpha, samples[..., 3])
    most = 255 * scale
    np.testing.assert_allclose(multiplied.pixels[0, 0], [most, most // 2, 0], atol=scale)
    np.testing.assert_array_equal(multiplied.pixels[0, 2], samples[0, 2, :3])
    assert unused.alpha is None
    np.testing.assert_array_equal(flatten(unused), samples[..., :3] // scale)


def test_grey_with_transparency_where_white_is_zero():
    photo = read_photo(tiff(np.array([[[0, 255], [255, 9]]], np.uint8), {PHOTOMETRIC: ("H", [0]), EXTRA: ("H", [2])}))
    assert (photo.pixels[..., 0].tolist(), photo.alpha.tolist(), photo.gray) == ([[255, 0]], [[255, 9]], True)


def test_the_first_of_several_additional_samples_that_means_transparency():
    samples = np.array([[[1, 2, 3, 77, 200]]], np.uint8)
    assert read_photo(tiff(samples, {EXTRA: ("H", [0, 2])})).alpha.tolist() == [[200]]
    assert read_photo(tiff(samples, {EXTRA: ("H", [0, 0])})).alpha is None


def test_additional_samples_without_a_meaning():
    used, unused = np.array([[[1, 2, 3, 200]]], np.uint8), np.array([[[1, 2, 3, 0]]], np.uint8)
    assert read_photo(tiff(used)).alpha.tolist() == [[200]]
    assert "taken for transparency" in read_photo(tiff(used)).notes[0]
    assert read_photo(tiff(unused)).alpha is None


# Pages
SMALL = np.full((1, 1, 3), 9, np.uint8)


@pytest.mark.parametrize("small", [{SUBFILE: ("I", [1])}, {OLD_SUBFILE: ("H", [2])}])
def test_a_reduced_copy_is_passed_over(small):
    photo = read_photo(tiff(SMALL, small, pages=[(RGB, {})]))
    np.testing.assert_array_equal(photo.pixels, RGB)
    assert photo.notes == ()


def test_a_reduced_copy_behind_the_picture():
    np.testing.assert_array_equal(read_photo(tiff(RGB, pages=[(SMALL, {SUBFILE: ("I", [1])})])).pixels, RGB)


def test_the_picture_may_be_within_the_reduced_copys_page():
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(SMALL, photometric="rgb", subifds=1, subfiletype=1)
        writer.write(RGB, photometric="rgb")
    np.testing.assert_array_equal(read_photo(buffer.getvalue()).pixels, RGB)


def test_of_several_pages_the_first_is_taken():
    photo = read_photo(tiff(RGB, pages=[(SMALL, {}), (SMALL, {SUBFILE: ("I", [2])})]))
    np.testing.assert_array_equal(photo.pixels, RGB)
    assert photo.notes == ("holds 3 pages, of which only the first was taken",)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_orientation(orientation, dtype):
    samples = np.arange(18, dtype=dtype).reshape(2, 3, 3)
    photo = read_photo(tiff(samples, {274: ("H", [orientation])}))
    turned = {
        1: samples,
        2: samples[:, ::-1],
        3: samples[::-1, ::-1],
        4: samples[::-1],
        5: samples.swapaxes(0, 1),
        6: np.rot90(samples, -1),
        7: samples[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(samples),
    }
    np.testing.assert_array_equal(photo.pixels, turned[orientation])


# Metadata


def test_what_the_camera_wrote_is_kept_without_the_layout():
    tags = {271: ("A", b"Maker\0"), 700: ("X", b"<x:xmpmeta/>"), 274: ("H", [1])}
    metadata = read_photo(tiff(RGB, tags)).metadata
    kept = Image.Exif()
    kept.load(metadata.exif)
    assert dict(kept) == {271: "Maker"}
    assert metadata.xmp == b"<x:xmpmeta/>"
    assert read_photo(tiff(RGB)).metadata.exif is None
