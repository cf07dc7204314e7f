"""AVIF and HEIC: depth, coded colours, profiles, transparency, turns, and which picture is the main one."""

import io

import imagecodecs
import numpy as np
import pytest
from image_files import adobe_to_srgb, exif, srgb_light, srgb_signal
from PIL import Image, ImageCms

from cca_jax.image_io.formats.structures import boxes
from cca_jax.image_io.photo import read_photo

pillow_heif = pytest.importorskip("pillow_heif")

RAMP = (np.arange(64 * 64).reshape(64, 64, 1).repeat(3, axis=2) % 1024).astype(np.uint16)
SMOOTH = np.linspace(0, 1023, 64 * 64).reshape(64, 64, 1).repeat(3, axis=2).astype(np.uint16)

# Display P3 to sRGB in linear light, as in the tests of PNG.
P3_TO_SRGB = np.array(
    [
        [1.2249401763, -0.2249401763, 0.0],
        [-0.0420569547, 1.0420569547, 0.0],
        [-0.0196375546, -0.0786360456, 1.0982736002],
    ]
)


def avif(samples, depth, primaries=1, transfer=13):
    return imagecodecs.avif_encode(samples, level=100, bitspersample=depth, primaries=primaries, transfer=transfer)


def heic(image, **options):
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=-1, chroma=444, matrix_coefficients=0, **options)
    return buffer.getvalue()


def pillow_avif(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "AVIF", quality=100, subsampling="4:4:4", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("depth", [10, 12])
def test_avif_is_read_at_its_depth(depth):
    samples = SMOOTH << (depth - 10)
    photo = read_photo(avif(samples, depth))
    assert (photo.depth, photo.pixels.dtype, photo.notes) == (depth, np.uint16, ())
    np.testing.assert_allclose(photo.pixels / 65_535, samples / ((1 << depth) - 1), atol=1.5 / 65_535)
    assert len(np.unique(photo.pixels)) > 1000


def test_grey_avif_with_transparency():
    samples = np.dstack([SMOOTH[..., 0], 1023 - SMOOTH[..., 0]])
    photo = read_photo(avif(SMOOTH[..., 0].copy(), 10))
    assert photo.gray
    colored = read_photo(avif(np.dstack([SMOOTH, samples[..., 1]]), 10))
    np.testing.assert_allclose(colored.alpha / 65_535, samples[..., 1] / 1023, atol=1.5 / 65_535)


@pytest.mark.parametrize("depth", [8, 10])
def test_coded_colours_of_avif(depth):
    most = (1 << depth) - 1
    signal = np.array([0.8, 0.4, 0.2])
    samples = np.full((32, 32, 3), np.round(signal * most)).astype(np.uint8 if depth == 8 else np.uint16)
    photo = read_photo(avif(samples, depth, primaries=12))
    expected = srgb_signal(srgb_light(samples[0, 0] / most) @ P3_TO_SRGB.T)
    np.testing.assert_allclose(photo.pixels[9, 9] / np.iinfo(photo.pixels.dtype).max, expected, atol=0.004)
    assert photo.notes == ("colours were converted to sRGB, as its nclx box says",)


@pytest.mark.parametrize("transfer", [16, 18])
def test_high_dynamic_range(refuse, transfer):
    data = avif(SMOOTH, 10, primaries=9, transfer=transfer)
    assert "--tone-map" in refuse(data)
    photo = read_photo(data, tone_map=True)
    levels = photo.pixels[..., 0].ravel().astype(int)
    assert levels[0] == 0
    assert levels[-1] >= 65_534
    assert (np.diff(levels) >= 0).all()


def test_a_profile_comes_before_the_codes_of_avif():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = read_photo(pillow_avif(Image.new("RGB", (16, 16), (10, 200, 90)), icc_profile=profile))
    assert photo.metadata.icc == profile
    assert photo.notes == ()


def test_avifs_own_turn_counts_and_that_of_exif_does_not():
    image = Image.fromarray(np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 10)
    photo = read_photo(pillow_avif(image, exif=b"Exif\0\0" + exif(orientation=6)))  # Pillow writes irot for it
    assert photo.pixels.shape == (3, 2, 3)


def test_the_first_of_a_sequence():
    frames = [Image.new("RGB", (16, 16), color) for color in ("white", "black")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "AVIF", save_all=True, append_images=frames[1:])
    photo = read_photo(buffer.getvalue())
    assert photo.pixels.min() > 250
    assert photo.notes == ("holds 2 frames, of which only the first was taken",)


def test_cut_avif_is_refused(refuse):
    data = avif(RAMP, 10)
    assert "whole copy" in refuse(data[: len(data) // 2])


# HEIC


def test_heic_at_8_bits():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    photo = read_photo(heic(image))
    assert (photo.depth, photo.notes, photo.alpha) == (8, (), None)
    np.testing.assert_allclose(photo.pixels, np.asarray(image), atol=1)


def test_heic_is_read_at_its_depth():
    buffer = io.BytesIO()
    file = pillow_heif.from_bytes("RGB;16", (64, 64), (SMOOTH << 6).tobytes())
    file.save(buffer, quality=-1, chroma=444, matrix_coefficients=0)
    photo = read_photo(buffer.getvalue())
    assert photo.depth == 10
    np.testing.assert_allclose(photo.pixels / 65_535, SMOOTH / 1023, atol=1.6 / 1023)


def test_coded_colours_of_heic():
    image = Image.new("RGB", (64, 64), (204, 102, 51))
    photo = read_photo(heic(image, color_primaries=12, transfer_characteristics=13, full_range_flag=1))
    expected = srgb_signal(srgb_light(np.array([204, 102, 51]) / 255) @ P3_TO_SRGB.T)
    np.testing.assert_allclose(photo.pixels[9, 9], 255 * expected, atol=2)


def test_the_main_picture_of_heic_need_not_be_the_first():
    file = pillow_heif.from_pillow(Image.new("RGB", (64, 64), "black"))
    file.add_from_pillow(Image.new("RGB", (64, 64), "white"))
    buffer = io.BytesIO()
    file.save(buffer, quality=90, primary_index=1)
    photo = read_photo(buffer.getvalue())
    assert photo.pixels.min() > 250
    assert photo.notes == ("holds 2 pictures, of which only the main one was taken",)


def test_adobe_rgb_by_exif_where_heic_says_nothing():
    image = Image.new("RGB", (64, 64), (100, 150, 100))
    photo = read_photo(heic(image, exif=exif(65535, b"R03"), save_nclx_profile=False))
    np.testing.assert_allclose(photo.pixels[9, 9], adobe_to_srgb([100, 150, 100]), atol=2)
    assert photo.metadata.exif is not None


def test_heic_takes_an_extra(monkeypatch, refuse):
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    assert "is HEIC, which takes pillow_heif: from a checkout of the project: pip install '.[heic]'" in refuse(
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    )


# Boxes


def box(kind, *contents):
    content = b"".join(contents)
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def test_boxes_of_the_primary_item():
    def properties(*boxes_of_items):
        return box(b"ipco", *boxes_of_items)

    red, blue = (
        box(b"colr", b"nclx", bytes([0, 9, 0, 16, 0, 0, 0x80])),
        box(b"colr", b"nclx", bytes([0, 1, 0, 13, 0, 0, 0])),
    )
    links = box(b"ipma", bytes(4), (2).to_bytes(4, "big"), bytes([0, 7, 1, 1]), bytes([0, 8, 1, 0x82]))
    primary = box(b"pitm", bytes(4), bytes([0, 8]))
    meta = box(b"meta", bytes(4), primary, box(b"iprp", properties(red, blue), links))
    assert boxes.primary_properties(box(b"ftyp", b"avif") + meta).codes == (1, 13)
    # A grid has no colours of its own: those of its first tile count.
    grid = box(b"iref", bytes(4), box(b"dimg", bytes([0, 8, 0, 1, 0, 7])))
    alone = box(b"ipma", bytes(4), (1).to_bytes(4, "big"), bytes([0, 7, 1, 1]))
    meta = box(b"meta", bytes(4), primary, grid, box(b"iprp", properties(red), alone))
    assert boxes.primary_properties(meta).codes == (9, 16)


def test_broken_boxes_say_nothing():
    whole = avif(RAMP, 10)
    assert boxes.primary_properties(whole).codes == (1, 13)
    for cut in range(0, 400, 7):
        boxes.primary_properties(whole[:cut])
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(whole[:400])
        for place in rng.integers(0, 400, 5):
            damaged[place] = rng.integers(256)
        boxes.primary_properties(bytes(damaged))
