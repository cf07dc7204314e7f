"""PNG: what its chunks say of colours, in their order of precedence."""

import imagecodecs
import numpy as np
import pytest
from image_files import (
    adobe_to_srgb,
    chromaticity_chunk,
    coded_chunk,
    exif,
    gamma_chunk,
    png,
    profile_chunk,
    srgb_signal,
)

from cca_jax.image_io.photo import read_photo

D65 = (0.3127, 0.3290)
SRGB = (D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
P3 = (D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
SRGB_CHUNK = (b"sRGB", b"\0")
RAMP = np.arange(256).reshape(1, 256, 1).repeat(3, axis=2)
# Display P3 to sRGB, both of white D65, in linear light: from the chromaticities of SMPTE EG 432-1 and IEC 61966-2-1.
P3_TO_SRGB = np.array(
    [
        [1.2249401763, -0.2249401763, 0.0],
        [-0.0420569547, 1.0420569547, 0.0],
        [-0.0196375546, -0.0786360456, 1.0982736002],
    ]
)


def linear_profile():
    return imagecodecs.cms_profile(
        "rgb", whitepoint=[0.3127, 0.3290, 1], primaries=[0.64, 0.33, 1, 0.3, 0.6, 1, 0.15, 0.06, 1], gamma=1.0
    )


# Gamma and chromaticities


@pytest.mark.parametrize(("gamma", "exponent"), [(100_000, 1.0), (50_000, 2.0), (55_556, 1.79999), (38_462, 2.6)])
def test_gamma_is_a_power_of_the_sample(gamma, exponent):
    photo = read_photo(png(RAMP, chunks=[gamma_chunk(gamma)]))
    expected = 255 * srgb_signal((RAMP / 255) ** exponent)
    np.testing.assert_allclose(photo.pixels, expected, atol=0.51)
    assert photo.notes == ("colours were converted to sRGB, as its gAMA chunk says",)


def test_linear_samples_of_the_specification():
    assert read_photo(png([[[55] * 3]], chunks=[gamma_chunk(100_000)])).pixels.tolist() == [[[128] * 3]]


def test_gamma_counts_for_grey_at_16_bits():
    samples = np.array([[0, 100, 14_000, 65_535]])
    photo = read_photo(png(samples, 16, 0, [gamma_chunk(100_000)]))
    assert (photo.gray, photo.depth, photo.pixels.dtype) == (True, 16, np.uint16)
    np.testing.assert_allclose(photo.pixels[..., 1], 65_535 * srgb_signal(samples / 65_535), atol=1)


@pytest.mark.parametrize("value", [45_455, 45_454, 45_450, 45_500])
@pytest.mark.parametrize("more", [[], [chromaticity_chunk(*SRGB)]])
def test_the_gamma_that_stands_for_srgb_changes_nothing(value, more):
    photo = read_photo(png(RAMP, chunks=[gamma_chunk(value), *more]))
    np.testing.assert_array_equal(photo.pixels, RAMP)
    assert photo.notes == ()


def test_chromaticities_are_converted():
    photo = read_photo(png([[[255, 0, 0], [255, 255, 255], [10, 200, 60]]], chunks=[chromaticity_chunk(*P3)]))
    linear = np.array([[1, 0, 0], [1, 1, 1]]) @ P3_TO_SRGB.T
    np.testing.assert_allclose(photo.pixels[0, :2], 255 * srgb_signal(linear), atol=0.6)
    assert photo.pixels[0, 2, 1] > 200
    assert "cHRM" in photo.notes[0]


def test_gamma_and_chromaticities_together():
    samples = np.array([[[200, 120, 40]]])
    photo = read_photo(png(samples, chunks=[gamma_chunk(50_000), chromaticity_chunk(*P3)]))
    expected = srgb_signal((samples[0, 0] / 255) ** 2 @ P3_TO_SRGB.T)
    np.testing.assert_allclose(photo.pixels[0, 0], 255 * expected, atol=0.6)


def test_another_white_stays_white():
    e = ((1 / 3, 1 / 3), (0.7347, 0.2653), (0.2738, 0.7174), (0.1666, 0.0089))
    photo = read_photo(png([[[255] * 3, [90] * 3]], chunks=[gamma_chunk(45_455), chromaticity_chunk(*e)]))
    assert photo.pixels[0, 0].tolist() == [255] * 3
    np.testing.assert_allclose(photo.pixels[0, 1], 255 * srgb_signal((90 / 255) ** 2.2), atol=0.6)


@pytest.mark.parametrize("broken", [gamma_chunk(0), chromaticity_chunk(D65, D65, D65, D65)])
def test_senseless_chunks_change_nothing(broken):
    np.testing.assert_array_equal(read_photo(png(RAMP, chunks=[broken])).pixels, RAMP)


# Precedence: cICP, iCCP, sRGB, then gAMA and cHRM


def test_the_srgb_chunk_comes_before_gamma():
    photo = read_photo(png(RAMP, chunks=[SRGB_CHUNK, gamma_chunk(100_000), chromaticity_chunk(*P3)]))
    np.testing.assert_array_equal(photo.pixels, RAMP)


def test_a_profile_comes_before_gamma_and_is_kept():
    profile = linear_profile()
    photo = read_photo(png(RAMP, chunks=[profile_chunk(profile), gamma_chunk(45_455)]))
    np.testing.assert_allclose(photo.pixels, 255 * srgb_signal(RAMP / 255), atol=1.5)
    assert photo.metadata.icc == profile


def test_coded_colours_come_before_all_others():
    chunks = [coded_chunk(1, 13), profile_chunk(linear_profile()), gamma_chunk(100_000)]
    np.testing.assert_array_equal(read_photo(png(RAMP, chunks=chunks)).pixels, RAMP)


def test_a_damaged_profile_gives_way_to_gamma():
    photo = read_photo(png(RAMP, chunks=[profile_chunk(b"no profile"), gamma_chunk(100_000)]))
    np.testing.assert_allclose(photo.pixels, 255 * srgb_signal(RAMP / 255), atol=0.51)
    assert "damaged" in photo.notes[0]


def test_chunks_come_before_exif():
    says_adobe = (b"eXIf", exif(65535, b"R03"))
    assert read_photo(png(RAMP, chunks=[SRGB_CHUNK, says_adobe])).pixels.tolist() == RAMP.tolist()
    photo = read_photo(png([[[100, 150, 100]]], chunks=[says_adobe]))
    np.testing.assert_allclose(photo.pixels[0, 0], adobe_to_srgb([100, 150, 100]), atol=0.6)


# Coded colours


def test_display_p3():
    samples = np.array([[[200, 100, 50], [0, 128, 255], [255, 0, 0]]])
    light = np.where(samples / 255 <= 0.04045, samples / 255 / 12.92, ((samples / 255 + 0.055) / 1.055) ** 2.4)
    photo = read_photo(png(samples, chunks=[coded_chunk(12, 13)]))
    np.testing.assert_allclose(photo.pixels, 255 * srgb_signal(light @ P3_TO_SRGB.T), atol=0.6)


@pytest.mark.parametrize("depth", [8, 16])
def test_narrow_range(depth):
    step = 1 << (depth - 8)
    samples = np.array([[[16] * 3, [235] * 3, [125] * 3, [0] * 3, [255] * 3]]) * step
    photo = read_photo(png(samples, depth, chunks=[coded_chunk(1, 13, full_range=0)]))
    most = (1 << depth) - 1
    np.testing.assert_allclose(photo.pixels[0, :, 0], np.array([0, 1, 109 / 219, 0, 1]) * most, atol=0.6)


def test_unspecified_codes_leave_it_to_the_next_chunk():
    photo = read_photo(png(RAMP, chunks=[coded_chunk(2, 2), gamma_chunk(100_000)]))
    np.testing.assert_allclose(photo.pixels, 255 * srgb_signal(RAMP / 255), atol=0.51)


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (coded_chunk(3, 13), "unknown primaries (3)"),
        (coded_chunk(1, 99), "unknown transfer function (99)"),
        (coded_chunk(1, 13, matrix=1), "names a matrix (1)"),
        (coded_chunk(9, 16), "--tone-map"),
        (coded_chunk(9, 18), "--tone-map"),
    ],
)
def test_what_cannot_be_honoured_is_refused(refuse, chunk, message):
    assert message in refuse(png(RAMP, chunks=[chunk]))


def test_high_dynamic_range_on_request():
    # BT.2100 PQ: 58 % of the signal is 203 cd/m², the white of a standard display; nothing here is brighter.
    signal = np.array([[0.0, 0.5806889]])
    samples = np.round(signal * 65_535).astype(int)
    photo = read_photo(png(samples, 16, 0, [coded_chunk(9, 16)]), tone_map=True)
    np.testing.assert_allclose(photo.pixels[0, :, 1] / 65_535, [0, 1], atol=2e-4)
    assert photo.notes == ("high dynamic range (PQ) was fitted to the range of sRGB",)
