"""TIFF: colours by profile, by tags and by Exif, and of other models than RGB."""

import imagecodecs
import numpy as np
import pytest
from image_files import adobe_to_srgb, srgb_light, srgb_signal, tiff, tiff_folder
from PIL import Image

from cca_jax.image_io.photo import flatten, read_photo

GRAY, RGB = np.array([[0, 40, 255]], np.uint8), np.array([[[200, 100, 50], [0, 0, 0], [255, 255, 255]]], np.uint8)
PHOTOMETRIC, EXTRA, SUBFILE, OLD_SUBFILE = 262, 338, 254, 255


def linear_profile(model="rgb"):
    more = {"primaries": [0.64, 0.33, 1, 0.3, 0.6, 1, 0.15, 0.06, 1]} if model == "rgb" else {}
    return imagecodecs.cms_profile(model, whitepoint=[0.3127, 0.3290, 1], gamma=1.0, **more)


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
