"""ICC profiles of every kind, through `read_photo`: matrices and tables, grey, inks, damage, high dynamic range."""

import struct

import imagecodecs
import numpy as np
import pytest
from image_files import gray_of_lightness, icc_profile, lightness_profile, png, profile_chunk, srgb_signal, tiff

from cca_jax.image_io.color import icc
from cca_jax.image_io.color.spaces import IccProfile
from cca_jax.image_io.photo import read_photo

ICC, PHOTOMETRIC = 34675, 262
SRGB = [0.64, 0.33, 1, 0.3, 0.6, 1, 0.15, 0.06, 1]
ADOBE = [0.64, 0.33, 1, 0.21, 0.71, 1, 0.15, 0.06, 1]
PROPHOTO = [0.7347, 0.2653, 1, 0.1596, 0.8404, 1, 0.0366, 0.0001, 1]


def matrix_profile(primaries, gamma, white=(0.3127, 0.3290, 1)):
    return imagecodecs.cms_profile("rgb", whitepoint=list(white), primaries=primaries, gamma=gamma)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_wide_gamut_by_a_matrix(depth):
    # Adobe RGB to sRGB: same red, blue and white (the tests of Exif have the same matrix).
    matrix = np.array([[1.39835574, -0.39835574, 0], [0, 1, 0], [0, -0.04292898, 1.04292898]])
    most = (1 << depth) - 1
    samples = np.round(np.array([[[0.5, 0.6, 0.4], [0.2, 0.22, 0.3], [1, 1, 1]]]) * most).astype(int)
    photo = read_photo(png(samples, depth, chunks=[profile_chunk(matrix_profile(ADOBE, 2.2))]))
    expected = srgb_signal((samples / most) ** 2.2 @ matrix.T)
    np.testing.assert_allclose(photo.pixels / most, expected, atol=1.3 / 255 if depth == 8 else 3e-4)
    assert photo.metadata.icc is not None


def test_prophoto_is_clipped_to_srgb_and_its_greys_stay_grey():
    profile = matrix_profile(PROPHOTO, 1.8, (0.3457, 0.3585, 1))
    photo = read_photo(png([[[0, 65_535, 0], [30_000] * 3]], 16, chunks=[profile_chunk(profile)]))
    assert photo.pixels[0, 0, 1] == 65_535
    assert photo.pixels[0, 0, 0] == 0
    np.testing.assert_allclose(photo.pixels[0, 1] / 65_535, srgb_signal((30_000 / 65_535) ** 1.8), atol=2e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colours_by_tables(dtype):
    most = np.iinfo(dtype).max
    levels = np.array([0, 0.1, 0.5, 0.8, 1])
    samples = np.round(levels[None, :, None].repeat(3, axis=2) * most).astype(dtype)
    photo = read_photo(tiff(samples, {ICC: ("X", lightness_profile(b"RGB ", [0.3, 0.5, 0.2]))}))
    np.testing.assert_allclose(photo.pixels[0, :, 1] / most, gray_of_lightness(100 * levels), atol=2.5 / 255)
    only_green = np.array([[[0, most, 0]]], dtype)
    photo = read_photo(tiff(only_green, {ICC: ("X", lightness_profile(b"RGB ", [0.3, 0.5, 0.2]))}))
    np.testing.assert_allclose(photo.pixels[0, 0] / most, gray_of_lightness(50), atol=2.5 / 255)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_inks_by_tables(dtype):
    most = np.iinfo(dtype).max
    inks = np.array([[[0, 0, 0, 0], [0, 0, 0, most // 2], [0, 0, 0, most], [most, most, most, 0]]], dtype)
    tags = {ICC: ("X", lightness_profile(b"CMYK", [-0.2, -0.2, -0.1, -1.0])), PHOTOMETRIC: ("H", [5])}
    photo = read_photo(tiff(inks, tags))
    expected = gray_of_lightness([100, 50, 0, 50])
    np.testing.assert_allclose(photo.pixels[0, :, 1] / most, expected, atol=2.5 / 255)
    assert photo.notes == ("colours were converted from the profile 'a table' to sRGB",)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", ["gray", "rgb"])
def test_greys_stay_grey(dtype, kind):
    samples = np.linspace(0, np.iinfo(dtype).max, 300).astype(dtype)[None]
    if kind == "gray":
        profile = imagecodecs.cms_profile("gray", whitepoint=[0.3127, 0.3290, 1], gamma=1.8)
    else:
        profile = matrix_profile(ADOBE, 1.8)
    photo = read_photo(tiff(samples, {ICC: ("X", profile)}))
    assert photo.gray
    assert (photo.pixels == photo.pixels[..., :1]).all()
    most = np.iinfo(dtype).max
    tolerance = 1.5 / 255 if dtype == np.uint8 else 1e-3
    np.testing.assert_allclose(photo.pixels[0, :, 1] / most, srgb_signal((samples[0] / most) ** 1.8), atol=tolerance)


def test_srgb_by_another_name_changes_nothing():
    samples = np.random.default_rng(0).integers(0, 65_536, (8, 8, 3))
    photo = read_photo(png(samples, 16, chunks=[profile_chunk(imagecodecs.cms_profile("srgb"))]))
    np.testing.assert_array_equal(photo.pixels, samples)
    assert photo.notes == ()


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (b"no profile", "is damaged"),
        (b"\0" * 200, "is damaged"),
        (imagecodecs.cms_profile("srgb")[:300], "is damaged"),
        (icc_profile(b"RGB ", {}), "is damaged"),  # no curve, no matrix, no table
        (lightness_profile(b"CMYK", [-0.2, -0.2, -0.1, -1.0]), "does not fit its colours"),
        (imagecodecs.cms_profile("gray", whitepoint=[0.3127, 0.3290, 1], gamma=2.0), "does not fit its colours"),
    ],
)
def test_a_profile_without_use_is_ignored_with_a_note(profile, reason):
    samples = np.array([[[200, 100, 50]]], np.uint8)
    photo = read_photo(tiff(samples, {ICC: ("X", profile)}))
    np.testing.assert_array_equal(photo.pixels, samples)
    assert photo.notes == (f"its colour profile {reason} and was ignored",)


# High dynamic range


@pytest.mark.parametrize(("transfer", "is_hdr"), [(16, True), (18, True), (13, False)])
def test_code_points_in_a_profile(refuse, transfer, is_hdr):
    profile = icc_profile(b"RGB ", {b"cicp": b"cicp\0\0\0\0" + bytes([9, transfer, 0, 1])})
    assert (icc.hdr_space(IccProfile("ICC profile", profile)) is not None) == is_hdr
    if is_hdr:
        data = png([[[30_000] * 3]], 16, chunks=[profile_chunk(profile)])
        assert "--tone-map" in refuse(data)
        assert "fitted" in read_photo(data, tone_map=True).notes[0]


@pytest.mark.parametrize(
    ("name", "transfer"),
    [
        (b"Rec. ITU-R BT.2100 PQ", "pq"),
        (b"Rec2100HLG", "hlg"),
        (b"SMPTE ST 2084", "pq"),
        (b"Stylus Photo 2100 gloss", None),
        (b"Display P3", None),
    ],
)
def test_names_of_profiles(name, transfer):
    description = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + b"\0" + bytes(78)
    space = icc.hdr_space(IccProfile("ICC profile", icc_profile(b"RGB ", {b"desc": description})))
    assert (None if space is None else space.transfer.kind) == transfer
