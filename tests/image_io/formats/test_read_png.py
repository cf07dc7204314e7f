"""PNG: transparency keys at every depth, animations, damage, and metadata wherever they lie."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
from image_files import (
    exif,
    png,
    png_chunk,
)
from PIL import Image

from cca_jax.image_io.photo import flatten, read_photo

# Transparency


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_grey_key_is_a_sample_of_the_files_own_depth(depth):
    most = (1 << depth) - 1
    key = min(1, most)
    samples = np.array([[key, 0, most, key]])
    photo = read_photo(png(samples, depth, 0, [(b"tRNS", struct.pack(">H", key))]))
    full = 65_535 if depth == 16 else 255
    assert photo.alpha[0].tolist() == [0 if value == key else full for value in samples[0]]
    assert photo.pixels[0, :, 0].tolist() == [value * full // most for value in samples[0]]
    assert photo.gray


def test_a_16_bit_colour_key_is_compared_whole():
    samples = np.array([[[0x1234, 0x5678, 0x9ABC], [0x1234, 0x5678, 0x9ABD]]])
    photo = read_photo(png(samples, 16, 2, [(b"tRNS", struct.pack(">3H", *samples[0, 0]))]))
    assert photo.alpha.tolist() == [[0, 65_535]]
    assert flatten(photo)[0, 0].tolist() == [255] * 3
    np.testing.assert_array_equal(photo.pixels, samples)


def test_an_8_bit_colour_key():
    photo = read_photo(png([[[1, 2, 3], [1, 2, 4]]], chunks=[(b"tRNS", struct.pack(">3H", 1, 2, 3))]))
    assert photo.alpha.tolist() == [[0, 255]]


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palettes_alphas(depth):
    palette = (b"PLTE", bytes([10, 20, 30, 200, 100, 50]))
    photo = read_photo(png([[0, 1]], depth, 3, [palette, (b"tRNS", bytes([128]))]))
    assert photo.alpha.tolist() == [[128, 255]]
    assert photo.pixels.tolist() == [[[10, 20, 30], [200, 100, 50]]]


def test_16_bit_alpha_channels():
    gray = read_photo(png([[[300, 1000]]], 16, 4))
    color = read_photo(png([[[1, 2, 3, 40_000]]], 16, 6))
    assert (gray.pixels.tolist(), gray.alpha.tolist(), gray.gray) == ([[[300] * 3]], [[1000]], True)
    assert (color.pixels.tolist(), color.alpha.tolist(), color.gray) == ([[[1, 2, 3]]], [[40_000]], False)


def test_a_key_that_nothing_has_leaves_no_alpha():
    assert read_photo(png([[[1, 2, 3]]], chunks=[(b"tRNS", struct.pack(">3H", 9, 9, 9))])).alpha is None


# Animations


def animation(apart, depth=8):
    """Two frames, 1 then 2, and where `apart` a still picture, 0, that is no frame of them."""
    still = png(np.full((2, 3), 0 if apart else 1), depth, 0)
    first, second = (png(np.full((2, 3), value), depth, 0) for value in (1, 2))

    def pixels(data):
        start = data.index(b"IDAT")
        return data[start + 4 : start + 4 + struct.unpack(">I", data[start - 4 : start])[0]]

    def control(number):
        return (b"fcTL", struct.pack(">5I2H2B", number, 3, 2, 0, 0, 1, 10, 0, 0))

    parts = [(b"acTL", struct.pack(">II", 2, 0))]
    if apart:
        parts += [(b"IDAT", pixels(still)), control(0), (b"fdAT", struct.pack(">I", 1) + pixels(first)), control(2)]
        parts += [(b"fdAT", struct.pack(">I", 3) + pixels(second))]
    else:
        parts += [control(0), (b"IDAT", pixels(still)), control(1), (b"fdAT", struct.pack(">I", 2) + pixels(second))]
    return still[:33] + b"".join(png_chunk(*part) for part in parts) + png_chunk(b"IEND", b"")


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("apart", [False, True])
def test_an_animations_first_frame_is_the_picture(apart, depth):
    photo = read_photo(animation(apart, depth))
    assert photo.pixels.tolist() == np.full((2, 3, 3), 1).tolist()
    assert photo.notes == ("holds an animation of 2 frames, of which only the first was taken",)


# Damage


def test_a_16_bit_file_that_is_cut_short(refuse):
    data = imagecodecs.png_encode(np.random.default_rng(0).integers(0, 65_536, (40, 40, 3), dtype=np.uint16))
    assert "whole copy" in refuse(data[: len(data) // 2])


def test_metadata_behind_the_pixels_are_read():
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2)).save(buffer, "PNG")
    data = buffer.getvalue()
    end = png_chunk(b"IEND", b"")
    late = data.removesuffix(end) + png_chunk(b"eXIf", exif(orientation=6)) + end
    photo = read_photo(late)
    assert photo.pixels.shape == (3, 2, 3)
    assert photo.metadata.exif == exif(orientation=1)
