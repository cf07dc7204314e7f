"""TIFF: pages, the meaning of samples, and colours by profile, by tags and by Exif."""

import io

import imagecodecs
import numpy as np
import pytest
import tifffile
from image_files import adobe_to_srgb, srgb_light, srgb_signal, tiff, tiff_folder
from PIL import Image

from cca_jax.image_io.photo import flatten, read_photo

GRAY, RGB = np.array([[0, 40, 255]], np.uint8), np.array([[[200, 100, 50], [0, 0, 0], [255, 255, 255]]], np.uint8)
PHOTOMETRIC, EXTRA, SUBFILE, OLD_SUBFILE = 262, 338, 254, 255


def linear_profile(model="rgb"):
    more = {"primaries": [0.64, 0.33, 1, 0.3, 0.6, 1, 0.15, 0.06, 1]} if model == "rgb" else {}
    return imagecodecs.cms_profile(model, whitepoint=[0.3127, 0.3290, 1], gamma=1.0, **more)


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


# Colours


@pytest.mark.parametrize("model", ["rgb", "gray"])
def test_a_linear_profile_keeps_the_shadows_apart(model):
    levels = np.arange(97)
    ramp = np.round(65_535 * srgb_light(levels / 255)).astype(np.uint16)[None]
    samples = np.repeat(ramp[..., None], 3, axis=2) if model == "rgb" else ramp
    photo = read_photo(tiff(samples, {34675: ("X", linear_profile(model))}))
    np.testing.assert_allclose(photo.pixels[0, :, 1] / 257, levels, atol=0.35)
    assert flatten(photo)[0, :, 0].tolist() == levels.tolist()
    assert photo.gray == (model == "gray")


def test_a_profile_comes_before_the_tags():
    photo = read_photo(tiff(RGB, {34675: ("X", linear_profile()), 301: ("H", list(range(0, 65_536, 257)))}))
    np.testing.assert_allclose(photo.pixels, 255 * srgb_signal(RGB / 255), atol=1)


@pytest.mark.parametrize("curves", [1, 3])
def test_a_transfer_function(curves):
    table = [round(65_535 * (level / 255) ** 2) for level in range(256)]
    photo = read_photo(tiff(RGB, {301: ("H", table * curves)}))
    np.testing.assert_allclose(photo.pixels, 255 * srgb_signal((RGB / 255) ** 2), atol=0.6)


def test_primaries_and_white():
    def rationals(*values):
        return "R", [part for value in values for part in (round(value * 10_000), 10_000)]

    adobe = {318: rationals(0.3127, 0.3290), 319: rationals(0.64, 0.33, 0.21, 0.71, 0.15, 0.06)}
    power = {301: ("H", [round(65_535 * (level / 255) ** (2 + 51 / 256)) for level in range(256)])}
    samples = np.array([[[100, 150, 100], [180, 170, 160]]], np.uint8)
    photo = read_photo(tiff(samples, {**adobe, **power}))
    np.testing.assert_allclose(photo.pixels, adobe_to_srgb(samples), atol=0.6)


def test_adobe_rgb_by_exif():
    samples = np.full((2, 2, 3), (100, 150, 100), np.uint8)
    end = len(tiff(samples, {34665: ("I", [0])}))
    data = tiff(samples, {34665: ("I", [end])})
    inside, _ = tiff_folder({0xA001: ("H", [65535]), 0xA005: ("I", [0])}, end, "<")
    inside, _ = tiff_folder({0xA001: ("H", [65535]), 0xA005: ("I", [end + len(inside)])}, end, "<")
    index, _ = tiff_folder({1: ("A", b"R03\0")}, end + len(inside), "<")
    photo = read_photo(data + inside + index)
    np.testing.assert_allclose(photo.pixels[0, 0], adobe_to_srgb([100, 150, 100]), atol=0.6)
    kept = Image.Exif()
    kept.load(photo.metadata.exif)
    assert kept.get_ifd(0x8769)[0xA001] == 65535
    assert kept.get_ifd(0xA005)[1] == "R03"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("photometric", [8, 9])
def test_lab(dtype, photometric):
    # L* of greys is a formula; sRGB's red is CIELAB (54.29, 80.81, 69.89) under D50.
    colors = np.array([[0, 0, 0], [100, 0, 0], [53.585, 0, 0], [54.29, 80.81, 69.89]])
    wide = dtype == np.uint16
    lightness = colors[:, 0] / 100 * (65_280 if wide and photometric == 9 else np.iinfo(dtype).max)
    chroma = colors[:, 1:] * (256 if wide else 1) + ((32_768 if wide else 128) if photometric == 9 else 0)
    samples = np.concatenate([lightness[:, None], chroma], axis=1).round().astype(np.int64).astype(dtype)
    photo = read_photo(tiff(samples[None], {PHOTOMETRIC: ("H", [photometric])}))
    scale = 257 if wide else 1
    expected = [[0, 0, 0], [255] * 3, [128] * 3, [255, 0, 0]]
    np.testing.assert_allclose(photo.pixels[0] / scale, expected, atol=1 if wide else 4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cmyk_without_a_profile(dtype):
    most = np.iinfo(dtype).max
    inks = np.array([[[0, 0, 0, 0], [0, most, most, 0], [0, 0, 0, most], [0, 0, 0, most // 2]]], dtype)
    photo = read_photo(tiff(inks, {PHOTOMETRIC: ("H", [5])}))
    expected = np.array([[[1, 1, 1], [1, 0, 0], [0, 0, 0], [0.5, 0.5, 0.5]]]) * most
    np.testing.assert_allclose(photo.pixels, expected, atol=0.01 * most)
    assert "approximate" in photo.notes[0]


def test_a_palette_of_16_bits():
    table = [0] * 768
    table[1], table[257], table[513] = 65_535, 0x8080, 257
    photo = read_photo(tiff(np.array([[0, 1]], np.uint8), {PHOTOMETRIC: ("H", [3]), 320: ("H", table)}))
    assert photo.pixels.tolist() == [[[0, 0, 0], [255, 128, 1]]]


# Metadata


def test_what_the_camera_wrote_is_kept_without_the_layout():
    tags = {271: ("A", b"Maker\0"), 700: ("X", b"<x:xmpmeta/>"), 274: ("H", [1])}
    metadata = read_photo(tiff(RGB, tags)).metadata
    kept = Image.Exif()
    kept.load(metadata.exif)
    assert dict(kept) == {271: "Maker"}
    assert metadata.xmp == b"<x:xmpmeta/>"
    assert read_photo(tiff(RGB)).metadata.exif is None
