"""`cca-jax decompress` gives back a picture's samples and transparency, in the format and depth asked for."""

import dataclasses

import numpy as np
import pytest
from described_photos import ALPHA, COLORS, DEEP_GRAY, DEEP_TRANSPARENT, PLAIN, RAMP, TRANSPARENT, described
from PIL import Image

from cca_jax.bitstream import container
from cca_jax.image_io.photo import read_photo


@pytest.mark.parametrize("suffix", ["png", "tif", "ppm"])
def test_a_deep_gray_gradient_keeps_more_than_256_levels(file_of, restore, suffix):
    for options in ((), ("--depth", "16")):
        photo, err = restore(file_of(DEEP_GRAY), f"a.{suffix}", *options)
        assert (photo.depth, err) == (16, "")
        assert photo.gray == (suffix != "ppm")
        np.testing.assert_array_equal(photo.pixels, RAMP)
    photo, err = restore(file_of(DEEP_GRAY), f"a.{suffix}", "--depth", "8")
    assert (photo.depth, err) == (8, "")
    assert len(np.unique(photo.pixels)) == 256


def test_16_bits_of_an_8_bit_original_are_unrounded(file_of, restore):
    file = file_of(PLAIN, samples=RAMP)  # what networks give has more levels than the original had
    assert len(np.unique(restore(file, "a.png", "--depth", "16")[0].pixels)) == RAMP[..., 0].size
    assert restore(file, "b.png")[0].depth == 8


def test_a_format_of_8_bits_says_so_or_refuses_16(file_of, restore, run, calls, tmp_path):
    file = file_of(DEEP_GRAY)
    photo, err = restore(file, "a.jpg")
    assert photo.depth == 8
    assert err == (f"cca-jax: {file}: warning: 16 bits a sample were reduced to 8: JPEG files are written with 8\n")
    assert restore(file, "a.jpg", "--depth", "8")[1] == ""
    calls.clear()
    status, _, err = run("decompress", file, "-o", tmp_path / "b.jpg", "--depth", "16")
    assert (status, calls) == (2, [])
    assert "b.jpg: JPEG files are written with 8 bits" in err
    assert ".png, .tif, .tiff, .ppm" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "b.jpg").exists()


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_alpha_comes_back_exactly(file_of, restore, suffix):
    photo, err = restore(file_of(TRANSPARENT), f"a.{suffix}")
    assert err == ""
    np.testing.assert_array_equal(photo.alpha, ALPHA)
    np.testing.assert_array_equal(photo.pixels, COLORS)


def test_what_a_format_cannot_hold_is_one_line(file_of, restore):
    file = file_of(dataclasses.replace(described(), alpha=ALPHA))
    photo, err = restore(file, "a.bmp")
    assert err == (
        f"cca-jax: {file}: warning: transparency was composited on white: BMP files have none; "
        "Exif was left out: BMP files have no place for it; XMP was left out: BMP files have no place for it\n"
    )
    share = ALPHA[..., None] / 255
    np.testing.assert_allclose(photo.pixels, COLORS * share + 255 * (1 - share), atol=0.501)
    assert "composited on white: JPEG" in restore(file, "a.jpg")[1]


@pytest.mark.parametrize("suffix", ["jpg", "avif", "webp"])
def test_a_quality_decides_the_size(file_of, restore, tmp_path, suffix):
    noisy = COLORS // 2 + np.random.default_rng(0).integers(0, 60, (40, 56, 1), dtype=np.uint8)
    file, sizes = file_of(dataclasses.replace(PLAIN, pixels=noisy)), []
    for number, options in enumerate([("--quality", 20), ("--quality", 80), ()]):
        name = f"{number}.{suffix}"
        photo, _ = restore(file, name, *options)
        assert np.abs(photo.pixels.astype(int) - noisy).mean() < (16, 8, 4)[number]
        sizes.append((tmp_path / name).stat().st_size)
    assert sizes == sorted(set(sizes))
    with Image.open(tmp_path / f"0.{suffix}") as image:
        assert image.format == {"jpg": "JPEG"}.get(suffix, suffix.upper())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-o", "x.png", "--quality", 50), "x.png: PNG files lose nothing and have no quality"),
        (("-o", "x.jpg", "--quality", 101), "x.jpg: an image's quality is 0 to 100, got 101"),
        (("-o", "x.jpg", "--quality", "nan"), "x.jpg: an image's quality is 0 to 100, got nan"),
        (("-o", "x.gif"), "name one that ends in .png, .tif, .tiff, .webp, .jxl, .jpg, .jpeg, .avif, .bmp, .ppm"),
        (("-o", "x.png", "--strip", "--profile", "original"), "give one of the two"),
        (("-o", "-", "--quality", 50), "standard output gets a PNG, which has no quality"),
        (("--quality", 50), "a.png: PNG files lose nothing"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(run, calls, file_of, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    file = file_of(PLAIN)
    status, out, err = run("decompress", file, *options)
    assert (status, out, calls) == (2, "", [])
    assert message in err
    assert err.count("\n") == 1
    assert not list(tmp_path.glob("**/x.*"))


def test_an_images_name_is_no_folder_for_several(run, file_of, tmp_path):
    files = [file_of(PLAIN, name) for name in ("a.cca", "b.cca")]
    status, _, err = run("decompress", *files, "-o", tmp_path / "x.jpg")
    assert status == 2
    assert "-o must name a folder" in err
    assert not (tmp_path / "x.jpg").exists()


def test_figures_are_of_the_picture_on_white(run, file_of, tmp_path):
    Image.fromarray(np.dstack([COLORS, ALPHA])).save(tmp_path / "original.png")
    file = file_of(TRANSPARENT)
    status, out, err = run("decompress", file, "-o", tmp_path / "x.png", "--reference", tmp_path / "original.png")
    assert (status, err) == (0, "")
    assert "PSNR   inf dB" in out


@pytest.mark.parametrize(
    ("photo", "lost"),
    [
        (TRANSPARENT, "the alpha box is lost"),
        # Without the number of bits, nobody knows what the alpha plane means.
        (DEEP_TRANSPARENT, "the picture box is lost, the alpha box is lost"),
    ],
)
def test_damaged_alpha_is_told_of_where_a_damaged_file_is_asked_for(run, file_of, tmp_path, photo, lost):
    file = file_of(photo)
    data = bytearray(file.read_bytes())
    box = container.read(bytes(data)).boxes[0]
    data[data.index(box.head() + box.content) + len(box.head())] ^= 1
    file.write_bytes(data)
    assert run("decompress", file, "-o", tmp_path / "x.png")[0] == 2
    status, _, err = run("decompress", file, "-o", tmp_path / "x.png", "--partial")
    assert status == 0
    assert err == f"cca-jax: {file}: warning: it is cut short or damaged, {lost}\n"
    assert read_photo(tmp_path / "x.png").alpha is None
