"""Transparency, 16 bits, CMYK and colour profiles, through files: what becomes of them, and what is said of it."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from cca_jax.image_io.images import ImageError, read_image


@pytest.fixture
def rgb():
    return np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def png_bytes(depth, color_type, samples, extra=b""):
    """A PNG with 16 bits a sample, which Pillow cannot write. samples: uint16 [H,W,C]."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + (chunk(b"tRNS", extra) if extra else b"") + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def read(tmp_path, data, name="file.png"):
    path = tmp_path / name
    path.write_bytes(data)
    return read_image(path)


def save(tmp_path, image, name, **options):
    image.save(tmp_path / name, **options)
    return read_image(tmp_path / name)


# Transparency


def test_transparency_is_composited_on_white(tmp_path):
    layers = np.array([[[100, 0, 50, 255], [100, 0, 50, 0], [0, 0, 0, 51]]], np.uint8)
    found = save(tmp_path, Image.fromarray(layers), "a.png")
    assert found.pixels.tolist() == [[[100, 0, 50], [255, 255, 255], [204, 204, 204]]]
    assert found.notes == ("transparency was composited on white",)


def test_opaque_alpha_is_dropped_in_silence(tmp_path, rgb):
    found = save(tmp_path, Image.fromarray(np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])), "a.png")
    assert found.notes == ()
    np.testing.assert_array_equal(found.pixels, rgb)


def test_gray_with_alpha(tmp_path):
    found = save(tmp_path, Image.fromarray(np.array([[[40, 255], [40, 0]]], np.uint8)), "a.png")
    assert found.pixels.tolist() == [[[40] * 3, [255] * 3]]
    assert len(found.notes) == 1


def test_a_transparent_palette_entry(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    found = save(tmp_path, image, "a.png", transparency=1)
    assert found.pixels.tolist() == [[[10, 20, 30], [255, 255, 255]]]
    assert found.notes == ("transparency was composited on white",)


# Sixteen bits


def test_16_bit_gray_is_scaled_not_clipped(tmp_path):
    samples = np.array([[[0], [128], [129], [300], [32768], [65535]]], np.uint16)
    found = read(tmp_path, png_bytes(16, 0, samples))
    assert found.pixels[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255]  # round(v / 257)
    assert found.notes == ("16 bits a sample were reduced to 8",)


def test_16_bit_gray_with_a_transparent_value(tmp_path):
    samples = np.array([[[300], [65535], [0]]], np.uint16)
    found = read(tmp_path, png_bytes(16, 0, samples, extra=struct.pack(">H", 0)))
    assert found.pixels[0, :, 0].tolist() == [1, 255, 255]
    assert "transparency was composited on white" in found.notes


@pytest.mark.parametrize(("color_type", "channels"), [(2, 3), (6, 4)])
def test_16_bit_color_is_reduced_with_a_note(tmp_path, color_type, channels):
    samples = np.array([[[0, 0x80FF, 0xFFFF, 0xFFFF][:channels]]], np.uint16)
    found = read(tmp_path, png_bytes(16, color_type, samples))
    assert found.pixels.tolist() == [[[0, 128, 255]]]
    assert found.notes == ("16 bits a sample were reduced to 8",)


def test_16_bit_netpbm(tmp_path):
    gray = read(tmp_path, b"P5 2 1 65535\n" + struct.pack(">2H", 32768, 65535), "a.pgm")
    color = read(tmp_path, b"P6 1 1 65535\n" + struct.pack(">3H", 0, 32768, 65535), "a.ppm")
    assert gray.pixels[0, :, 0].tolist() == [128, 255]
    assert color.pixels.tolist() == [[[0, 128, 255]]]
    assert gray.notes == color.notes == ("16 bits a sample were reduced to 8",)


def test_16_bit_tiff(tmp_path):
    found = save(tmp_path, Image.fromarray(np.array([[0, 32768, 65535]], np.uint16)), "a.tif")
    assert found.pixels[0, :, 2].tolist() == [0, 128, 255]


def test_a_packed_16_bit_pixel_is_no_16_bit_sample(tmp_path):
    header = struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 16, 3, 4, 0, 0, 0, 0) + struct.pack("<3I", 0xF800, 0x7E0, 0x1F)
    data = b"BM" + struct.pack("<IHHI", 70, 0, 0, 66) + header + struct.pack("<HH", 0xF800, 0)
    found = read(tmp_path, data, "a.bmp")
    assert found.pixels.tolist() == [[[255, 0, 0]]]
    assert found.notes == ()


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_samples_without_a_known_range_are_refused(tmp_path, dtype):
    Image.fromarray(np.array([[1, 2]], dtype)).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match="range is not known: convert it to 8 or 16 bits"):
        read_image(tmp_path / "a.tif")


# Colours


def test_cmyk_is_converted_with_a_note(tmp_path):
    found = save(tmp_path, Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "a.tif")
    assert found.pixels[0, 0].tolist() == [255, 0, 0]
    assert "CMYK" in found.notes[0]


def swapped_profile():
    """A colour profile like sRGB, but with the red and the green primary exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"tmp!").replace(b"gXYZ", b"rXYZ").replace(b"tmp!", b"gXYZ")


def test_a_foreign_profile_is_converted_to_srgb(tmp_path):
    image = Image.fromarray(np.array([[[250, 20, 90], [255, 255, 255]]], np.uint8))
    found = save(tmp_path, image, "a.png", icc_profile=swapped_profile())
    np.testing.assert_allclose(found.pixels.astype(int), [[[20, 250, 90], [255, 255, 255]]], atol=2)
    assert "colours were converted from the profile" in found.notes[0]


def test_an_srgb_profile_changes_nothing(tmp_path, rgb):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = save(tmp_path, Image.fromarray(rgb), "a.png", icc_profile=profile)
    assert found.notes == ()
    np.testing.assert_array_equal(found.pixels, rgb)


def test_an_srgb_profile_on_gray_changes_nothing(tmp_path, rgb):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = save(tmp_path, Image.fromarray(rgb[..., 0]), "a.tif", icc_profile=profile)
    assert found.notes == ()
    np.testing.assert_array_equal(found.pixels[..., 1], rgb[..., 0])


def test_a_damaged_or_unfit_profile_is_ignored_with_a_note(tmp_path, rgb):
    damaged = save(tmp_path, Image.fromarray(rgb), "a.png", icc_profile=b"no profile")
    unfit = save(tmp_path, Image.new("CMYK", (2, 2)), "a.tif", icc_profile=swapped_profile())
    np.testing.assert_array_equal(damaged.pixels, rgb)
    assert damaged.notes == ("its colour profile is damaged and was ignored",)
    assert unfit.notes[0] == "its colour profile does not fit its colours and was ignored"
