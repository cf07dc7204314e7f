"""JPEG: files without an end marker, whole or cut, what follows one, the colours that Exif states, and inks."""

import io

import numpy as np
import pytest
from image_files import adobe_to_srgb, exif
from PIL import Image

from cca_jax.image_io.photo import read_photo

END = b"\xff\xd9"
OPTIONS = [
    {},
    {"progressive": True},
    {"restart_marker_rows": 1},
    {"restart_marker_blocks": 3},
    {"progressive": True, "restart_marker_blocks": 5},
]


@pytest.fixture(scope="module")
def picture():
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8)).resize((96, 72), Image.Resampling.BICUBIC)


def jpeg(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_missing_end_marker_is_no_loss(picture, options, mode):
    whole = jpeg(picture.convert(mode), **options)
    expected = read_photo(whole)
    for data in (whole[:-2], whole[:-1], whole[:-2] + bytes(5000)):
        found = read_photo(data)
        np.testing.assert_array_equal(found.pixels, expected.pixels)
        assert found.notes == ("lacks its end marker, but no pixel",)
        assert found.gray == (mode == "L")


@pytest.mark.parametrize("options", OPTIONS)
def test_missing_samples_are_refused(picture, options, refuse):
    whole = jpeg(picture, **options)
    for lost in (3, 4, 5, 10, 40, 200, 600):
        assert "cut short" in refuse(whole[:-lost])
    # A download that was not finished, in a file of its full size.
    assert "cut short" in refuse(whole[: len(whole) * 3 // 4] + bytes(len(whole) // 4))


def test_a_cut_between_scans_is_refused(picture, refuse):
    whole = jpeg(picture, progressive=True)
    last_scan = whole.rindex(b"\xff\xda")
    tables = whole.rindex(b"\xff\xc4", 0, last_scan)
    for end in (tables, tables + 10, last_scan, last_scan + 5):
        assert "cut short" in refuse(whole[:end])


@pytest.mark.parametrize(
    "trailer", [bytes(100), b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 20, b"\xff\xd8 broken", END]
)
def test_what_follows_the_end_marker_does_not_matter(picture, trailer):
    whole = jpeg(picture)
    found = read_photo(whole + trailer)
    np.testing.assert_array_equal(found.pixels, read_photo(whole).pixels)
    assert found.notes == ()


def test_of_several_pictures_the_first_is_taken(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "MPO", save_all=True, append_images=[Image.new("RGB", (30, 20))])
    found = read_photo(buffer.getvalue())
    assert found.pixels.shape == (72, 96, 3)
    assert found.notes == ("holds 2 frames, of which only the first was taken",)


# Colours by Exif


@pytest.mark.parametrize(("space", "index"), [(65535, b"R03"), (2, None)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_adobe_rgb(space, index, order):
    tags = exif(space, index, order=order)
    flat = Image.new("RGB", (16, 16), (100, 150, 100))
    found = read_photo(jpeg(flat, quality=100, exif=b"Exif\0\0" + tags))
    np.testing.assert_allclose(found.pixels[8, 8], adobe_to_srgb([100, 150, 100]), atol=3)  # JPEG's own loss
    assert found.notes == ("colours were converted to sRGB, as its Exif (Adobe RGB) says",)
    assert found.metadata.exif == tags


def test_a_profile_comes_before_exif(picture):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = jpeg(picture, exif=b"Exif\0\0" + exif(65535, b"R03"), icc_profile=profile)
    found = read_photo(data)
    np.testing.assert_array_equal(found.pixels, read_photo(jpeg(picture)).pixels)
    assert found.metadata.icc == profile
    assert found.notes == ()


@pytest.mark.parametrize(
    ("space", "index", "notes"), [(1, b"R98", 0), (1, None, 0), (65535, None, 1), (65535, b"R98", 1)]
)
def test_other_colour_spaces_of_exif_are_srgb(picture, space, index, notes):
    found = read_photo(jpeg(picture, exif=b"Exif\0\0" + exif(space, index)))
    np.testing.assert_array_equal(found.pixels, read_photo(jpeg(picture)).pixels)
    assert len(found.notes) == notes


# Inks


def test_adobes_inverted_inks(picture):
    inks = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    data = jpeg(inks, quality=100)
    assert b"Adobe" in data  # whose samples are inverted
    plain = data.replace(b"\xff\xee\x00\x0eAdobe", b"\xff\xee\x00\x0eNoone")
    np.testing.assert_allclose(read_photo(data).pixels[8, 8], [255, 0, 0], atol=3)
    np.testing.assert_allclose(read_photo(plain).pixels[8, 8], [0, 0, 0], atol=3)  # 255 of black: no light
    assert "approximate" in read_photo(data).notes[0]


def test_12_bits():
    import imagecodecs

    samples = np.linspace(0, 4095, 64 * 64).reshape(64, 64).astype(np.uint16)
    found = read_photo(imagecodecs.jpeg8_encode(samples, level=99, bitspersample=12))
    assert (found.depth, found.gray) == (12, True)
    np.testing.assert_allclose(found.pixels[..., 0] / 65535, samples / 4095, atol=0.005)
