"""`cca-jax compress` and `info` of whole pictures: what is kept of them, and what options leave out."""

import json

import numpy as np
import pytest
from PIL import Image

import cca_jax
from cca_jax.bitstream import container
from cca_jax.bitstream.boxes.section import Box
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.entropy_coding.coders import default_coder
from cca_jax.image_io.srgb_profile import srgb_profile
from cca_jax.objective.metrics import fidelity

pytestmark = pytest.mark.usefixtures("quick_compilation")

MAKE, GPS = 0x010F, 0x8825
ROWS, COLUMNS = np.mgrid[:40, :50]
COLORS = np.stack([40 + 2 * COLUMNS, 30 + 2 * ROWS, 60 + ROWS + COLUMNS], axis=-1).astype(np.uint8)
ALPHA = np.clip(400 - 16 * np.hypot(ROWS - 20, COLUMNS - 25), 0, 255).astype(np.uint8)
RGBA = np.dstack([COLORS, ALPHA])
GRAY_16 = (ROWS * 1500 + COLUMNS).astype(np.uint16)


@pytest.fixture(scope="module")
def codec(micro_lite, micro_lite_params):
    return Codec(Bundle.build("lite", "", micro_lite, micro_lite_params), default_coder())


@pytest.fixture
def compress(run, codec, tmp_path, monkeypatch):
    """Compresses an array, with options of the command and of its image file; the file, and what was said."""
    monkeypatch.setattr(cca_jax, "load_model", lambda name, max_pixels=None: codec)

    def call(array, *options, **saved):
        Image.fromarray(array).save(tmp_path / "a.png", **saved)
        status, _, err = run("compress", tmp_path / "a.png", "-o", tmp_path / "a.cca", *options)
        assert status == 0, err
        return (tmp_path / "a.cca").read_bytes(), err

    return call


def exif():
    tags = Image.Exif()
    tags[MAKE] = "Maker"
    tags.get_ifd(GPS).update({1: "N", 2: (52.0, 30.0, 0.0)})
    return tags


def on(background):
    """By the definition of alpha, at 8 bits."""
    share = ALPHA[..., None] / 255
    return np.floor(COLORS * share + np.array(background) * (1 - share) + 0.5).astype(np.uint8)


def test_alpha_and_metadata_are_kept_by_default(compress, codec):
    data, err = compress(RGBA, icc_profile=srgb_profile(), exif=exif())
    assert err == ""
    photo = codec.decode(data)
    np.testing.assert_array_equal(photo.alpha, ALPHA)
    assert photo.metadata.icc == srgb_profile()
    tags = Image.Exif()
    tags.load(photo.metadata.exif)
    assert (tags[MAKE], tags.get_ifd(GPS)[1]) == ("Maker", "N")


def test_a_plain_photo_costs_nothing_more(compress, codec):
    data, _ = compress(COLORS)
    assert data == codec.compress(COLORS)
    assert container.read_header(data).version == 2


@pytest.mark.parametrize(
    ("options", "background", "name"),
    [
        (["--drop-alpha"], (255, 255, 255), "white"),
        (["--background", "#ff8000"], (255, 128, 0), "#ff8000"),
        (["--drop-alpha", "--background", "navy"], (0, 0, 128), "#000080"),
    ],
)
def test_transparency_is_composited_where_that_is_asked_for(compress, codec, options, background, name):
    data, err = compress(RGBA, *options)
    assert data == codec.compress(on(background))
    assert container.read_header(data).version == 2
    assert err.endswith(f"a.png: warning: transparency was composited on {name}\n")


def test_an_opaque_picture_has_nothing_to_composite(compress):
    assert compress(COLORS, "--background", "red") == compress(COLORS)


@pytest.mark.parametrize(("background", "gray"), [("white", True), ("red", False)])
def test_gray_on_a_color_is_no_longer_gray(compress, codec, background, gray):
    data, _ = compress(np.dstack([COLORS[..., 0], ALPHA]), "--background", background)
    assert codec.decode(data).gray == gray


@pytest.mark.parametrize("color", ["nocolor", "#12345", "#11223344", ""])
def test_a_background_that_is_no_opaque_color_is_one_line(run, photo, color):
    status, out, err = run("compress", photo(), "--background", color)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert f"--background: {color!r} is" in err


def test_location_alone_is_stripped(compress, codec):
    data, _ = compress(RGBA, "--strip", "gps", icc_profile=srgb_profile(), exif=exif())
    metadata, tags = codec.decode(data).metadata, Image.Exif()
    tags.load(metadata.exif)
    assert (tags[MAKE], dict(tags.get_ifd(GPS)), metadata.icc) == ("Maker", {}, srgb_profile())


@pytest.mark.parametrize("options", [["--strip"], ["--strip", "all"], ["--strip=all"]])
def test_all_metadata_are_stripped(compress, options):
    assert compress(COLORS, *options, icc_profile=srgb_profile(), exif=exif()) == compress(COLORS)


def test_a_bare_strip_does_not_take_the_image_for_its_value(run, photo, tmp_path):
    path = photo()
    assert run("compress", "--strip", path)[0] == 0
    assert run("compress", "--strip", "gps", path, "-o", tmp_path / "b.cca")[0] == 0
    assert run("compress", "--strip=pgs", path)[0] == 2


def test_16_bit_gray_stays_so_without_a_warning(compress, codec):
    data, err = compress(GRAY_16)
    photo = codec.decode(data)
    assert (photo.depth, photo.gray, photo.pixels.dtype, err) == (16, True, np.uint16, "")
    # The networks saw all 16 bits: the file is that of the array, which is not that of the high bytes.
    assert data == codec.compress(GRAY_16) != codec.compress((GRAY_16 >> 8).astype(np.uint8))


def test_metrics_are_of_red_green_and_blue(run, codec, compress, tmp_path):
    data, _ = compress(np.dstack([COLORS, np.maximum(ALPHA, 1)]))
    _, out, _ = run("compress", tmp_path / "a.png", "-o", tmp_path / "b.cca", "--metrics")
    assert f"PSNR {fidelity(COLORS, codec.decompress(data))[0]:5.2f} dB" in out


@pytest.mark.parametrize("workers", [0, 2])
def test_many_files_are_those_of_one_by_one(run, codec, compress, tmp_path, workers):
    pictures = {"rgb": COLORS, "rgba": RGBA, "gray": COLORS[..., 0], "gray16": GRAY_16}
    compress(COLORS)
    for name, array in pictures.items():
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.fromarray(array).save(tmp_path / "in" / f"{name}.png")
    status, _, err = run("compress", tmp_path / "in", "-o", tmp_path / "out", "--workers", workers)
    assert (status, err) == (0, "")
    for name, array in pictures.items():
        assert (tmp_path / "out" / f"{name}.cca").read_bytes() == codec.compress(array)


def test_info_lists_what_boxes_hold(run, compress, tmp_path):
    compress(RGBA, icc_profile=srgb_profile(), exif=exif())
    facts = json.loads(run("info", tmp_path / "a.cca", "--json")[1])
    file = container.read((tmp_path / "a.cca").read_bytes())
    sizes = {box.kind: len(box.content) for box in file.boxes}
    assert (facts["depth"], facts["gray"], facts["xmp"], facts["unknown_boxes"]) == (8, False, None, [])
    assert facts["alpha"] == {"bytes": sizes[2], "top": 0, "left": 0, "height": 40, "width": 50}
    assert facts["color_profile"] == {"bytes": sizes[3], "name": "sRGB", "unpacked_bytes": None}
    assert facts["exif"]["bytes"] == sizes[4] <= facts["exif"]["unpacked_bytes"] + 1
    table = run("info", tmp_path / "a.cca")[1]
    assert f"alpha      {sizes[2]:,} bytes, 50×40 pixels at column 0, row 0\n" in table
    assert "profile    sRGB, 2 bytes\n" in table
    compress(GRAY_16)
    assert "samples    16 bits, gray\n" in run("info", tmp_path / "a.cca")[1]


def test_info_of_boxes_that_are_unknown_or_damaged(run, tmp_path):
    streams = (container.Stream(b"z", 0), container.Stream(b"y", 0))
    boxes = (Box(9, b"later"), Box(3, b"\0no profile"))
    data = container.write(container.Container(8, 8, b"fakemodl", 2, None, streams, 4, None, boxes))
    (tmp_path / "a.cca").write_bytes(data)
    facts = json.loads(run("info", tmp_path / "a.cca", "--json")[1])
    assert facts["unknown_boxes"] == [{"kind": 9, "bytes": 5}]
    assert facts["color_profile"] == {"bytes": 11, "name": None, "unpacked_bytes": 10}
    assert "box 9      5 bytes, not known here\n" in run("info", tmp_path / "a.cca")[1]
    (tmp_path / "a.cca").write_bytes(data.replace(b"later", b"Later"))
    status, out, err = run("info", tmp_path / "a.cca")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "box 9 is damaged" in err
