"""`cca-jax decompress` gives back all of a picture, in the format, depth and colours asked for."""

import dataclasses
import io
import sys
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from cca_jax.bitstream import container
from cca_jax.codec.pictures.photo_boxes import boxes_of
from cca_jax.image_io.photo import Metadata, Photo, read_photo
from cca_jax.image_io.srgb_profile import srgb_profile

ROWS, COLUMNS = np.mgrid[:40, :56]
COLORS = np.stack([40 + 3 * COLUMNS, 30 + 4 * ROWS, 60 + ROWS + COLUMNS], axis=-1).astype(np.uint8)
ALPHA = np.clip(250 - 5 * COLUMNS, 0, 255).astype(np.uint8)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
MAKER, GPS = 0x010F, 0x8825
RAMP = np.repeat(np.linspace(0, 65535, 40 * 56).astype(np.uint16).reshape(40, 56, 1), 3, axis=2)
PLAIN = Photo(COLORS, 8, False, None, Metadata(), ())
TRANSPARENT = dataclasses.replace(PLAIN, alpha=ALPHA)
DEEP_GRAY = Photo(RAMP, 16, True, None, Metadata(), ())
DEEP_TRANSPARENT = dataclasses.replace(DEEP_GRAY, alpha=np.uint16(257) * ALPHA)


def exif(place=False):
    tags = Image.Exif()
    tags[MAKER] = "Maker of cameras"
    if place:
        tags.get_ifd(GPS)[1] = "N"
    return tags.tobytes().removeprefix(b"Exif\0\0")


def described(icc=None, place=False):
    return dataclasses.replace(PLAIN, metadata=Metadata(icc, exif(place), XMP))


@pytest.fixture
def file_of(tmp_path):
    """Writes the file that the fake codec opens as a photo; its samples are coded without loss."""

    def make(photo, name="a.cca", samples=None):
        pixels = photo.pixels if samples is None else samples
        streams = tuple(container.Stream(data, 0) for data in (zlib.compress(pixels.tobytes()), b"one", b"four"))
        boxes = boxes_of(photo)
        height, width = pixels.shape[:2]
        made = container.Container(width, height, b"fakemodl", 2, None, streams, 4 if boxes else 1, boxes=boxes)
        path = tmp_path / "files" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(container.write(made))
        return path

    return make


@pytest.fixture
def restore(run, tmp_path):
    """Restores a file to a name; returns what the image holds, and what was said on standard error."""

    def call(file, name, *options):
        status, _, err = run("decompress", file, "-o", tmp_path / name, *options)
        assert status == 0, err
        return read_photo(tmp_path / name), err

    return call


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


def maker(photo):
    tags = Image.Exif()
    tags.load(photo.metadata.exif)
    return tags[MAKER]


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "avif", "tif"])
def test_metadata_come_back_or_are_stripped(file_of, restore, tmp_path, suffix):
    file = file_of(described(imagecodecs.cms_profile("adobergb"), place=True))
    photo, err = restore(file, f"a.{suffix}")
    assert err == ""
    assert maker(photo) == "Maker of cameras"
    assert photo.metadata.xmp == XMP
    assert photo.metadata.icc in (srgb_profile(), None)
    assert (photo.metadata.icc is None) == (suffix == "png")  # which says so by a chunk of its own
    bare, err = restore(file, f"b.{suffix}", "--strip")
    assert err == ""
    assert bare.metadata == Metadata()
    assert b"Maker of cameras" not in (tmp_path / f"b.{suffix}").read_bytes()
    placeless, _ = restore(file, f"c.{suffix}", "--strip", "gps")
    assert maker(placeless) == "Maker of cameras"
    tags = Image.Exif()
    tags.load(placeless.metadata.exif)
    assert GPS not in tags


def test_a_file_may_follow_strip(run, file_of, tmp_path):
    file = file_of(described())
    assert run("decompress", "--strip", file, "-o", tmp_path / "a.png")[0] == 0
    assert read_photo(tmp_path / "a.png").metadata == Metadata()
    assert run("decompress", "--strip", "gps", file, "-o", tmp_path / "b.png")[0] == 0
    assert maker(read_photo(tmp_path / "b.png")) == "Maker of cameras"


def test_colors_in_the_originals_profile(file_of, restore, tmp_path):
    adobe = imagecodecs.cms_profile("adobergb")
    photo, _ = restore(file_of(described(adobe)), "a.png", "--profile", "original")
    assert photo.metadata.icc == adobe
    assert np.abs(photo.pixels.astype(int) - COLORS).mean() < 0.6  # read by its profile
    raw = np.asarray(Image.open(tmp_path / "a.png")).astype(int)
    assert np.abs(raw - COLORS).mean() > 3


def test_standard_output_is_a_png_with_all_of_it(run, file_of, monkeypatch):
    buffer = io.BytesIO()
    file = file_of(dataclasses.replace(described(), alpha=ALPHA))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, write_through=True))
    status, _, err = run("decompress", file, "-o", "-")
    assert (status, err) == (0, "-  56×40\n")
    assert buffer.getvalue().startswith(b"\x89PNG")
    photo = read_photo(buffer.getvalue())
    np.testing.assert_array_equal(photo.alpha, ALPHA)
    assert maker(photo) == "Maker of cameras"


@pytest.mark.parametrize("workers", [(), ("--workers", "0")])
def test_many_files_keep_all_of_it_and_options_make_them_anew(run, file_of, tmp_path, workers):
    file_of(TRANSPARENT, "a.cca")
    file_of(DEEP_GRAY, "b.cca")
    command = ("decompress", tmp_path / "files", "-o", tmp_path / "out", *workers)
    assert run(*command)[:2] == (0, "a.png  56×40\nb.png  56×40\n")
    np.testing.assert_array_equal(read_photo(tmp_path / "out" / "a.png").alpha, ALPHA)
    np.testing.assert_array_equal(read_photo(tmp_path / "out" / "b.png").pixels, RAMP)
    assert run(*command)[1].count("(done before)") == 2
    for options in (("--depth", "8"), ("--strip",), ("--strip", "gps"), ("--profile", "original")):
        assert "done before" not in run(*command, *options)[1]
        assert run(*command, *options)[1].count("(done before)") == 2
    assert run(*command, "--depth", "8")[0] == 0
    assert read_photo(tmp_path / "out" / "b.png").depth == 8


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
