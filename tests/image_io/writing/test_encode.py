"""Photos to files of every format and back: what a format holds comes back, what it cannot hold is noted."""

import dataclasses
import io
import itertools

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from cca_jax.image_io.errors import ImageError
from cca_jax.image_io.photo import Metadata, Photo, read_photo
from cca_jax.image_io.srgb_profile import srgb_profile
from cca_jax.image_io.writing.encode import encode_photo, write_photo
from cca_jax.image_io.writing.formats import FORMATS

ROWS, COLUMNS = np.mgrid[:40, :56]
COLORS = np.stack([40 + 3 * COLUMNS, 30 + 4 * ROWS, 60 + ROWS + COLUMNS], axis=-1).astype(np.uint8)
ALPHA = np.clip(250 - 5 * COLUMNS, 0, 255).astype(np.uint8)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
MAKER, EXPOSURE = 0x010F, 0x829A


def exif():
    tags = Image.Exif()
    tags[MAKER] = "Maker of cameras"
    tags.get_ifd(0x8769)[EXPOSURE] = 0.008
    return tags.tobytes().removeprefix(b"Exif\0\0")


def loaded(content):
    tags = Image.Exif()
    tags.load(content)
    return tags


def photo(deep=False, gray=False, alpha=False, metadata=None):
    colors = np.repeat(COLORS[..., :1], 3, axis=2) if gray else COLORS
    plane = ALPHA if alpha else None
    if deep:  # more than 256 levels
        colors = colors.astype(np.uint16) * 257 + 7 * (ROWS[..., None] % 32).astype(np.uint16)
        plane = None if plane is None else plane.astype(np.uint16) * 257 - (ROWS % 3).astype(np.uint16) * (plane > 0)
    return Photo(colors, 16 if deep else 8, gray, plane, metadata or Metadata(), ())


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(("deep", "gray", "alpha"), list(itertools.product((False, True), repeat=3)))
def test_pixels_and_alpha_come_back(tmp_path, suffix, deep, gray, alpha):
    made, held, path = photo(deep, gray, alpha), FORMATS[suffix], tmp_path / f"a{suffix}"
    notes = write_photo(path, made)
    restored = read_photo(path)
    kept_depth = 16 if deep and held.deep else 8
    assert restored.pixels.dtype == (np.uint16 if kept_depth == 16 else np.uint8)
    assert restored.depth == kept_depth
    assert len(notes) == (alpha and not held.alpha) + (deep and not held.deep)
    if alpha and held.alpha:
        expected = made.alpha if kept_depth == 16 or not deep else made.alpha // 257
        tolerance = 0 if held.lossless else 3
        if deep and kept_depth == 8:
            tolerance += 1
        assert np.abs(restored.alpha.astype(int) - expected).max() <= tolerance
    else:
        assert restored.alpha is None
    colors, scale = made.pixels.astype(float), np.iinfo(made.pixels.dtype).max / 255
    if alpha and not held.alpha:
        share = made.alpha[..., None] / np.iinfo(made.alpha.dtype).max
        colors = colors * share + np.iinfo(made.pixels.dtype).max * (1 - share)
    difference = np.abs(restored.pixels / (257 if kept_depth == 16 else 1) - colors / scale)
    if held.lossless:
        assert difference.max() <= (0 if kept_depth == made.depth and not (alpha and not held.alpha) else 0.51)
    else:
        assert difference.mean() < 1.5


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_gray_stays_gray(tmp_path, suffix):
    write_photo(tmp_path / f"a{suffix}", photo(gray=True))
    with Image.open(tmp_path / f"a{suffix}") as image:
        assert image.mode == "L"
    assert read_photo(tmp_path / f"a{suffix}").gray


@pytest.mark.parametrize("suffix", [suffix for suffix, held in FORMATS.items() if held.metadata])
def test_exif_and_xmp_come_back(tmp_path, suffix):
    made = photo(metadata=Metadata(None, exif(), XMP))
    assert write_photo(tmp_path / f"a{suffix}", made) == ()
    restored = read_photo(tmp_path / f"a{suffix}").metadata
    if suffix == ".jxl":  # whose reader does not give it
        assert (8 + len(XMP)).to_bytes(4, "big") + b"xml " + XMP in (tmp_path / "a.jxl").read_bytes()
    else:
        assert restored.xmp == XMP
        assert restored.icc is None  # no statement was made of colours, and none is
    tags = loaded(restored.exif)
    assert tags[MAKER] == "Maker of cameras"
    assert abs(float(tags.get_ifd(0x8769)[EXPOSURE]) - 0.008) < 1e-9


@pytest.mark.parametrize("suffix", [".bmp", ".ppm"])
def test_what_has_no_place_is_noted(tmp_path, suffix):
    encoded = encode_photo(photo(metadata=Metadata(None, exif(), XMP)), f"a{suffix}")
    name = FORMATS[suffix].name
    assert encoded.notes == tuple(f"{what} was left out: {name} files have no place for it" for what in ("Exif", "XMP"))


def test_exif_that_is_too_long_for_a_jpeg():
    long = exif() + bytes(70000)
    encoded = encode_photo(photo(metadata=Metadata(None, long, None)), "a.jpg")
    assert [note.split(":")[0] for note in encoded.notes] == ["Exif was left out"]
    assert read_photo(encoded.data).metadata.exif is None


@pytest.mark.parametrize("suffix", [suffix for suffix, held in FORMATS.items() if held.icc])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("profile", ["srgb", "original"])
def test_colors_are_those_of_their_label(suffix, deep, profile):
    adobe = imagecodecs.cms_profile("adobergb")
    made = photo(deep, metadata=Metadata(adobe, None, None))
    encoded = encode_photo(made, f"a{suffix}", profile=profile)
    restored = read_photo(encoded.data)  # reads by the label
    difference = restored.pixels / (257 if restored.depth == 16 else 1) - made.pixels / (257 if deep else 1)
    assert np.abs(difference).mean() < (0.6 if FORMATS[suffix].lossless else 1.5)
    if profile == "original":
        assert restored.metadata.icc == adobe
        # And they are other numbers than those of sRGB.
        raw = np.asarray(Image.open(io.BytesIO(encoded.data)).convert("RGB")).astype(int)
        assert np.abs(raw - COLORS).mean() > 3
    elif suffix == ".png":
        assert b"sRGB" in encoded.data[:100]
    else:
        assert restored.metadata.icc == srgb_profile()


def test_16_bits_stay_16_bits_through_a_profile():
    adobe = imagecodecs.cms_profile("adobergb")
    ramp = np.repeat(np.arange(0, 65536, 32, dtype=np.uint16).reshape(32, 64, 1), 3, axis=2)
    made = Photo(ramp, 16, False, None, Metadata(adobe, None, None), ())
    restored = read_photo(encode_photo(made, "a.png", profile="original").data)
    assert len(np.unique(restored.pixels[..., 1])) > 1900
    # A pure power has its steepest slope at black, where a profile's table of 16 bits is too coarse.
    difference = np.abs(restored.pixels.astype(int) - ramp)
    assert difference[ramp > 4000].max() < 64
    assert difference.max() < 1000


def test_gray_with_a_gray_profile():
    linear = imagecodecs.cms_profile("gray", gamma=1.0)
    made = photo(gray=True, metadata=Metadata(linear, None, None))
    encoded = encode_photo(made, "a.png", profile="original")
    assert Image.open(io.BytesIO(encoded.data)).mode == "L"
    restored = read_photo(encoded.data)
    assert restored.metadata.icc == linear
    assert np.abs(restored.pixels.astype(int) - made.pixels).mean() < 1.5  # linear light has few dark levels
    assert encode_photo(made, "a.png").notes == ()
    assert read_photo(encode_photo(made, "a.png").data).metadata.icc is None


@pytest.mark.parametrize("icc", [b"damaged", None])
def test_profiles_that_cannot_be_written_to(icc):
    icc = icc or imagecodecs.cms_profile("lab4")
    encoded = encode_photo(photo(metadata=Metadata(icc, None, None)), "a.png", profile="original")
    assert encoded.notes == ("the original's colour profile cannot be written to: the colours are sRGB",)
    np.testing.assert_array_equal(read_photo(encoded.data).pixels, COLORS)


def test_quality_is_for_formats_that_have_one():
    sizes = {quality: len(encode_photo(photo(), "a.jpg", quality).data) for quality in (10, 95)}
    assert sizes[10] < sizes[95] == len(encode_photo(photo(), "a.jpg").data)
    for suffix in (".webp", ".jxl", ".avif"):
        restored = read_photo(encode_photo(photo(), f"a{suffix}", 30).data).pixels.astype(int)
        assert 0 < np.abs(restored - COLORS).mean() < 12
    with pytest.raises(
        ImageError, match=r"a\.png: PNG files lose nothing .* name \.webp, \.jxl, \.jpg, \.jpeg, \.avif"
    ):
        encode_photo(photo(), "a.png", 50)
    with pytest.raises(ImageError, match="0 to 100, got 101"):
        encode_photo(photo(), "a.jpg", 101)
    with pytest.raises(ImageError, match=r"a\.xyz: cannot write this kind of file: name one that ends in \.png"):
        encode_photo(photo(), "a.xyz")


def test_a_format_that_is_too_small():
    wide = dataclasses.replace(photo(), pixels=np.zeros((1, 70000, 3), np.uint8))
    for suffix in (".webp", ".jpg"):
        with pytest.raises(ImageError, match=r"cannot hold 70000×1 pixels .*: use \.png"):
            encode_photo(wide, f"a{suffix}")


def test_a_folder_in_the_way(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(ImageError, match="not a regular file"):
        write_photo(tmp_path / "a.png", photo())
