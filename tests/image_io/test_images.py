"""Every kind of file that people have, read to the same pixels or refused in one line; writing whole or not at all."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cca_jax.image_io.images import ImageError, check_writable, find_images, read_image, write_image


@pytest.fixture
def rgb():
    return np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def read(tmp_path, data, name="file.png"):
    path = tmp_path / name
    path.write_bytes(data)
    return read_image(path)


def save(tmp_path, image, name, **options):
    image.save(tmp_path / name, **options)
    return read_image(tmp_path / name)


# Reading what is plain


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.ppm", "a.tif", "a.tiff", "a.webp", "a.PNG"])
@pytest.mark.parametrize("shape", [(6, 9, 3), (1, 1, 3)])
def test_writing_then_reading_is_the_identity(tmp_path, name, shape):
    pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    write_image(tmp_path / name, pixels)
    found = read_image(tmp_path / name)
    assert found.notes == ()
    assert found.pixels.dtype == np.uint8
    np.testing.assert_array_equal(found.pixels, pixels)
    assert os.listdir(tmp_path) == [name]


def test_gray_is_replicated(tmp_path, rgb):
    found = save(tmp_path, Image.fromarray(rgb[..., 0]), "a.png")
    assert found.notes == ()
    np.testing.assert_array_equal(found.pixels, np.repeat(rgb[..., :1], 3, axis=2))


def test_bilevel_becomes_black_and_white(tmp_path):
    found = save(tmp_path, Image.fromarray(np.eye(4, dtype=bool)), "a.png")
    np.testing.assert_array_equal(found.pixels[..., 1], 255 * np.eye(4))


def test_palette_is_looked_up(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    found = save(tmp_path, image, "a.png")
    assert found.notes == ()
    assert found.pixels.tolist() == [[[10, 20, 30], [200, 100, 50]]]


def test_pixels_can_be_changed(tmp_path, rgb):
    found = save(tmp_path, Image.fromarray(rgb), "a.png")
    found.pixels[0, 0] = 1  # a read-only view of Pillow's memory would refuse


# Orientation and frames


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [[0, 1, 2], [3, 4, 5]]),
        (2, [[2, 1, 0], [5, 4, 3]]),
        (3, [[5, 4, 3], [2, 1, 0]]),
        (4, [[3, 4, 5], [0, 1, 2]]),
        (5, [[0, 3], [1, 4], [2, 5]]),
        (6, [[3, 0], [4, 1], [5, 2]]),
        (7, [[5, 2], [4, 1], [3, 0]]),
        (8, [[2, 5], [1, 4], [0, 3]]),
        (99, [[0, 1, 2], [3, 4, 5]]),
    ],
)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_exif_orientation_is_applied(tmp_path, orientation, expected, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = save(tmp_path, Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3)), f"a{suffix}", exif=exif)
    assert found.pixels[..., 0].tolist() == expected


def test_damaged_exif_does_not_matter(tmp_path, rgb):
    found = save(tmp_path, Image.fromarray(rgb), "a.png", exif=b"Exif\0\0MM\0*\0\0\xff\xff\xff")
    np.testing.assert_array_equal(found.pixels, rgb)


def test_of_an_animation_the_first_frame_is_taken(tmp_path):
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue", "lime")]
    found = save(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:])
    assert found.pixels[0, 0].tolist() == [255, 0, 0]
    assert found.notes == ("holds 3 frames, of which only the first was taken",)


# Refusals


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"just a line of text\n", "not an image of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image of a known format"),
        (b"\x89PNG\r\n\x1a\n", "not an image|damaged"),
    ],
)
def test_what_is_no_image_is_refused_in_one_line(tmp_path, data, message):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(ImageError, match=message) as caught:
        read_image(tmp_path / "a.png")
    assert str(caught.value).startswith(str(tmp_path / "a.png"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".gif", ".tif", ".ppm", ".avif"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_truncated_images_are_refused(tmp_path, suffix, share):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = tmp_path / f"whole{suffix}"
    Image.fromarray(pixels).save(whole)
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole.read_bytes()[: int(share * whole.stat().st_size)])
    with pytest.raises(ImageError, match=r"whole copy|known format"):
        read_image(cut)


def test_a_decompression_bomb_is_refused(tmp_path):
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"")
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, data, b"IEND")]
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
    with pytest.raises(ImageError, match="scale it down"):
        read(tmp_path, bomb)


def test_a_large_image_is_read_without_a_warning(tmp_path, rgb, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 6 * 9 - 1)
    np.testing.assert_array_equal(save(tmp_path, Image.fromarray(rgb), "a.png").pixels, rgb)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(ImageError, match="cannot be read: No such file"):
        read_image(tmp_path / "none.png")
    with pytest.raises(ImageError, match="is a folder"):
        read_image(tmp_path)


# Writing


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.cca", "a.txt"])
def test_only_lossless_formats_are_written(tmp_path, rgb, name):
    with pytest.raises(ImageError, match=r"\.png"):
        check_writable(tmp_path / name)
    with pytest.raises(ImageError, match=r"\.png"):
        write_image(tmp_path / name, rgb)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
)
def test_only_8_bit_rgb_is_written(tmp_path, pixels):
    with pytest.raises(ImageError, match="expected pixels uint8"):
        write_image(tmp_path / "a.png", pixels)


def test_what_the_format_cannot_hold_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.webp"
    path.write_bytes(b"old")
    with pytest.raises(ImageError, match=r"cannot hold 16384×1 pixels.*\.png"):
        write_image(path, np.zeros((1, 16384, 3), np.uint8))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.webp"]


# Finding


def test_folders_are_expanded_in_order(tmp_path, rgb):
    for name in ("b.png", "a.JPG", "c.txt", ".hidden.png", "d.cca"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    single = tmp_path / "c.txt"
    assert [path.name for path in find_images([single, tmp_path])] == ["c.txt", "a.JPG", "b.png"]


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no file"):
        find_images([tmp_path])


def test_a_buffer_is_an_image_of_its_content_not_its_name(tmp_path, rgb):
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG")
    np.testing.assert_array_equal(read(tmp_path, buffer.getvalue(), "a.jpg").pixels, rgb)
