"""GIF, WebP, BMP, TGA, QOI, Netpbm, JPEG 2000 and JPEG XL: what their headers say of colours and samples."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
from image_files import adobe_to_srgb, exif, srgb_signal
from PIL import Image, ImageCms

from cca_jax.image_io.photo import flatten, read_photo

COLOR = Image.fromarray(np.array([[[200, 100, 50], [0, 128, 255]], [[9, 8, 7], [255, 255, 255]]], np.uint8))
LINEAR = imagecodecs.cms_profile(
    "rgb", whitepoint=[0.3127, 0.3290, 1], primaries=[0.64, 0.33, 1, 0.3, 0.6, 1, 0.15, 0.06, 1], gamma=1.0
)


def save(image, file_format, **options):
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def as_linear(samples):
    return 255 * srgb_signal(np.asarray(samples) / 255)


# WebP and GIF


def test_webp_keeps_what_it_carries():
    tags = exif(65535, b"R03", orientation=6)
    data = save(COLOR, "WEBP", lossless=True, exif=b"Exif\0\0" + tags, xmp=b"<x:xmpmeta/>")
    photo = read_photo(data)
    np.testing.assert_allclose(photo.pixels[0, 1], np.clip(adobe_to_srgb([200, 100, 50]), 0, 255), atol=0.6)
    assert photo.metadata.exif == exif(65535, b"R03", orientation=1)
    assert photo.metadata.xmp == b"<x:xmpmeta/>"


def test_the_turn_of_an_xmp_packet():
    packet = b'<x:xmpmeta><rdf:Description tiff:Orientation="8"/></x:xmpmeta>'
    photo = read_photo(save(COLOR.crop((0, 0, 2, 1)), "WEBP", lossless=True, xmp=packet))
    assert photo.pixels.shape == (2, 1, 3)
    assert photo.metadata.xmp == packet.replace(b"8", b"1")


def test_a_gifs_profile():
    data = save(COLOR.quantize(), "GIF")
    colors = read_photo(data).pixels
    blocks = b"".join(bytes([len(LINEAR[at : at + 255])]) + LINEAR[at : at + 255] for at in range(0, len(LINEAR), 255))
    palette_end = 13 + 3 * (2 << (data[10] & 7))
    with_profile = data[:palette_end] + b"\x21\xff\x0bICCRGBG1012" + blocks + b"\0" + data[palette_end:]
    photo = read_photo(with_profile)
    np.testing.assert_allclose(photo.pixels, as_linear(colors), atol=1.1)
    assert photo.metadata.icc == LINEAR


# BMP


def bitmap(kind, values=(0,) * 12, profile=b""):
    """A BMP of one pixel (200, 100, 50) with a header of version 5."""
    header = struct.pack("<IiiHHIIiiII", 124, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0) + bytes(16) + kind
    header += struct.pack("<9i3I", *values) + struct.pack("<4I", 0, 128 if profile else 0, len(profile), 0)
    body = bytes([50, 100, 200, 0])
    return b"BM" + struct.pack("<IHHI", 138 + len(body) + len(profile), 0, 0, 138) + header + body + profile


def calibrated(gamma):
    """sRGB's primaries, as XYZ under D65, in units of 2⁻³⁰."""
    xyz = [0.4124, 0.2126, 0.0193, 0.3576, 0.7152, 0.1192, 0.1805, 0.0722, 0.9505]
    return [round(value * (1 << 30)) for value in xyz] + [round(gamma * 65_536)] * 3


def test_a_bitmaps_colours():
    plain = [[[200, 100, 50]]]
    assert read_photo(bitmap(b"BGRs")).pixels.tolist() == plain
    assert read_photo(bitmap(bytes(4))).pixels.tolist() == plain  # calibrated, it says, and leaves the values out
    power = read_photo(bitmap(bytes(4), calibrated(2.0)))
    np.testing.assert_allclose(power.pixels[0, 0], 255 * srgb_signal((np.array(plain[0][0]) / 255) ** 2), atol=1.5)
    embedded = read_photo(bitmap(b"DEBM", profile=LINEAR))
    np.testing.assert_allclose(embedded.pixels, as_linear(plain), atol=1.1)
    assert embedded.metadata.icc == LINEAR


def test_a_bitmaps_profile_in_another_file_is_refused(refuse):
    assert "a profile in another file" in refuse(bitmap(b"KNIL", profile=b"C:\\x.icc\0"))


def test_a_bitmap_without_its_file_header():
    data = bitmap(b"BGRs")[14:]
    assert read_photo(data).pixels.tolist() == [[[200, 100, 50]]]


# TGA and QOI


def targa(pixel, alpha_bits=8, meaning=None):
    data = struct.pack("<3B5B2H2H2B", 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 1, 32, 0x20 | alpha_bits) + bytes(pixel)
    if meaning is not None:
        data += struct.pack("<H", 495) + bytes(492) + bytes([meaning])
        data += struct.pack("<II", 22, 0) + b"TRUEVISION-XFILE.\0"
    return data


@pytest.mark.parametrize(
    ("options", "alpha", "color"),
    [
        ({}, [[100]], [40, 20, 10]),
        ({"alpha_bits": 0}, None, [40, 20, 10]),
        ({"meaning": 3}, [[100]], [40, 20, 10]),
        ({"meaning": 4}, [[100]], [102, 51, 26]),
        ({"meaning": 0}, None, [40, 20, 10]),
        ({"meaning": 2}, None, [40, 20, 10]),
    ],
)
def test_what_a_targas_fourth_byte_means(options, alpha, color):
    photo = read_photo(targa([10, 20, 40, 100], **options))
    assert (None if photo.alpha is None else photo.alpha.tolist()) == alpha
    np.testing.assert_allclose(photo.pixels[0, 0], color, atol=1)


def test_what_a_qoi_says_of_colours_is_for_information():
    data = bytearray(imagecodecs.qoi_encode(np.asarray(COLOR)))
    assert read_photo(bytes(data)).notes == ()
    data[13] = 1  # as Pillow writes all files
    photo = read_photo(bytes(data))
    np.testing.assert_array_equal(photo.pixels, COLOR)
    assert photo.notes == ("its header says linear, which QOI calls informative; its colours were taken for sRGB",)


# Netpbm


@pytest.mark.parametrize(
    ("data", "depth", "expected"),
    [
        (b"P6 1 1 65535\n" + struct.pack(">3H", 0, 300, 65_535), 16, [0, 300, 65_535]),
        (b"P6\n# a comment\n1 1\n1023\n" + struct.pack(">3H", 0, 512, 1023), 10, [0, 512 * 65_535 / 1023, 65_535]),
        (b"P3 1 1 4095\n0 2048 4095\n", 12, [0, 2048 * 65_535 / 4095, 65_535]),
        (b"P5 1 1 65535\n" + struct.pack(">H", 300), 16, [300] * 3),
        (b"P2 1 1 255\n7\n", 8, [7] * 3),
        (b"P1 1 1\n1\n", 8, [0] * 3),
    ],
)
def test_netpbm_at_its_depth(data, depth, expected):
    photo = read_photo(data)
    assert photo.depth == depth
    np.testing.assert_allclose(photo.pixels[0, 0], expected, atol=0.51)


def test_netpbm_that_is_cut_short(refuse):
    assert "whole copy" in refuse(b"P6 2 1 65535\n" + bytes(11))
    assert "whole copy" in refuse(b"P3 2 1 65535\n1 2 3 4 5")


# JPEG 2000


def test_jpeg_2000_at_its_depth():
    samples = np.random.default_rng(0).integers(0, 4096, (16, 16, 3)).astype(np.uint16)
    for codec in ("jp2", "j2k"):
        data = imagecodecs.jpeg2k_encode(samples, level=0, codecformat=codec, bitspersample=12, reversible=True)
        photo = read_photo(data)
        assert photo.depth == 12
        np.testing.assert_allclose(photo.pixels / 65_535, samples / 4095, atol=1e-5)


def with_colour_box(data, content):
    """Replaces the colour box of a JP2."""
    header = data.index(b"jp2h") - 4
    start = data.index(b"colr") - 4
    (old,) = struct.unpack_from(">I", data, start)
    box = struct.pack(">I4s", 8 + len(content), b"colr") + content
    (size,) = struct.unpack_from(">I", data, header)
    return (
        data[:header] + struct.pack(">I", size - old + len(box)) + data[header + 4 : start] + box + data[start + old :]
    )


def test_jpeg_2000s_colour_boxes(refuse):
    data = imagecodecs.jpeg2k_encode(np.asarray(COLOR), level=0, codecformat="jp2", reversible=True)
    np.testing.assert_array_equal(read_photo(data).pixels, COLOR)
    profile = read_photo(with_colour_box(data, bytes([2, 0, 0]) + LINEAR))
    np.testing.assert_allclose(profile.pixels, as_linear(COLOR), atol=1.1)
    assert profile.metadata.icc == LINEAR
    coded = read_photo(with_colour_box(data, bytes([5, 0, 0, 0, 1, 0, 8, 0, 0, 0x80])))
    np.testing.assert_allclose(coded.pixels, as_linear(COLOR), atol=0.51)
    romm = read_photo(with_colour_box(data, bytes([1, 0, 0, 0, 0, 0, 21])))
    assert romm.pixels[1, 1].tolist() == [255] * 3
    assert romm.pixels[0, 0, 0] == 255  # outside sRGB
    assert "a kind that is not read" in refuse(with_colour_box(data, bytes([1, 0, 0, 0, 0, 0, 14])))


# JPEG XL


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_jpeg_xl(dtype):
    pytest.importorskip("pillow_jxl")
    samples = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (16, 16, 4), dtype)
    photo = read_photo(imagecodecs.jpegxl_encode(samples, lossless=True))
    # imagecodecs labels 16 bits as linear, 8 as sRGB.
    colors = samples[..., :3] if dtype == np.uint8 else 65_535 * srgb_signal(samples[..., :3] / 65_535)
    np.testing.assert_allclose(photo.pixels, colors, atol=0 if dtype == np.uint8 else 40)  # of the profile's curve
    np.testing.assert_array_equal(photo.alpha, samples[..., 3])
    assert photo.depth == (8 if dtype == np.uint8 else 16)


def test_jpeg_xl_takes_an_extra(monkeypatch, refuse):
    monkeypatch.setitem(__import__("sys").modules, "pillow_jxl", None)
    assert "pip install '.[jxl]'" in refuse(b"\xff\x0a" + bytes(20))


# In general


def test_every_format_gives_the_same_picture():
    opaque = {
        "PNG": {},
        "TIFF": {},
        "BMP": {},
        "PPM": {},
        "WEBP": {"lossless": True},
        "JPEG2000": {"irreversible": False},
        "QOI": {"colorspace": "sRGB"},
        "TGA": {},
    }
    for name, options in opaque.items():
        photo = read_photo(save(COLOR, name, **options))
        np.testing.assert_array_equal(photo.pixels, COLOR, err_msg=name)
        assert (photo.depth, photo.gray, photo.alpha, photo.notes) == (8, False, None, ()), name


def test_profiles_of_another_model_are_left_with_a_note():
    gray = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = read_photo(save(Image.new("CMYK", (2, 2)), "TIFF", icc_profile=gray))
    assert photo.notes[0] == "its colour profile does not fit its colours and was ignored"
    assert flatten(photo).tolist() == [[[255] * 3] * 2] * 2
