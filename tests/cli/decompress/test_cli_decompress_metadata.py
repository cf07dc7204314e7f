"""`cca-jax decompress` gives back what a photo carries beside its pixels, or leaves it out."""

import dataclasses
import io
import sys

import imagecodecs
import numpy as np
import pytest
from described_photos import ALPHA, COLORS, DEEP_GRAY, GPS, RAMP, TRANSPARENT, XMP, described, maker
from PIL import Image

from cca_jax.image_io.photo import Metadata, read_photo
from cca_jax.image_io.srgb_profile import srgb_profile


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
