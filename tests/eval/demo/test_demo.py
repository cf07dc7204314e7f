"""The demonstration end to end on a codec that needs no model, and the picture it draws."""

import zlib

import numpy as np
import pytest
from PIL import Image

import cca_jax
from eval.demo import demo
from eval.demo.detail import draw_detail
from eval.demo.side_by_side import Panel, busiest, draw


class FakeCodec:
    name = "fake"

    def with_coder(self, name):
        return self

    def compress(self, image, quality=None):
        height, width = image.shape[:2]
        return np.array([height, width], np.uint32).tobytes() + zlib.compress((image & 0xE0 | 16).tobytes())

    def decompress(self, data, slices=None):
        height, width = np.frombuffer(data[:8], np.uint32)
        return np.frombuffer(zlib.decompress(data[8:]), np.uint8).reshape(height, width, 3)


@pytest.fixture(autouse=True)
def fake(monkeypatch):
    monkeypatch.setattr(cca_jax, "load_model", lambda name: FakeCodec())


def test_the_bundled_photo_becomes_files_a_table_and_a_picture(tmp_path, capsys):
    assert demo.main(["--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    rows = {line.split()[0].rstrip(","): line.split() for line in out.splitlines() if "dB" in line}
    size = (tmp_path / "kodim23.cca").stat().st_size
    assert rows["CCA"][1] == f"{size:,}"
    assert float(rows["CCA"][2]) == pytest.approx(8 * size / (768 * 512), abs=1e-4)
    assert int(rows["JPEG"][3].replace(",", "")) == (tmp_path / "kodim23.jpg").stat().st_size <= size
    restored = np.asarray(Image.open(tmp_path / "kodim23_restored.png"))
    np.testing.assert_array_equal(restored, np.asarray(Image.open(demo.PHOTO)) & 0xE0 | 16)
    with Image.open(tmp_path / "side_by_side.png") as picture:
        assert picture.width > 3 * 700


def test_where_jpeg_cannot_be_as_small_it_is_said(tmp_path, capsys):
    Image.new("RGB", (2, 1), "red").save(tmp_path / "tiny.png")
    assert demo.main([str(tmp_path / "tiny.png"), "--out", str(tmp_path / "out")]) == 0
    assert "its lowest quality is shown" in capsys.readouterr().out


def test_bad_input_is_one_line(tmp_path, capsys):
    (tmp_path / "text.png").write_text("text")
    assert demo.main([str(tmp_path / "text.png"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["cat.jpg", "side_by_side.png"])
def test_no_result_replaces_the_photo(tmp_path, capsys, name):
    Image.new("RGB", (8, 8), "red").save(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    assert demo.main([str(tmp_path / name), "--out", str(tmp_path)]) == 2
    assert "name another folder with --out" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == before


def test_a_mistyped_option_is_one_line(capsys):
    with pytest.raises(SystemExit, match="2"):
        demo.main(["--qualty", "3"])
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 400), (1000, 30), (90, 120), (1600, 900)])
def test_any_size_can_be_drawn(height, width):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    picture = draw([Panel("a", "b", image), Panel("c", "d", image)])
    assert picture.mode == "RGB"
    assert picture.width <= 2 * 720 + 200


def test_the_detail_is_where_the_edges_are():
    image = np.full((100, 200, 3), 128, np.uint8)
    image[60:70:2, 150:170] = 255
    panel = Panel("a", "b", image)
    flat = np.asarray(draw([panel]))
    bottom = flat[-36 - 300 : -36, 36 : 36 + 720]
    assert (bottom == 255).all(axis=-1).any()


@pytest.mark.parametrize("name", ["detail.webp", "deep/detail.png"])
def test_a_small_picture_keeps_every_pixel(tmp_path, name):
    assert demo.main(["--out", str(tmp_path), "--picture", str(tmp_path / name)]) == 0
    picture = np.asarray(Image.open(tmp_path / name).convert("RGB"))
    original = np.asarray(Image.open(demo.PHOTO))
    left, upper, right, lower = busiest(original, 256, 256)
    assert (right - left, lower - upper) == (256, 256)
    np.testing.assert_array_equal(picture[46:302, 8:264], original[upper:lower, left:right])
    assert picture.shape == (46 + 256 + 8, 3 * 264 + 8, 3)


def test_a_small_picture_of_another_format_is_refused(tmp_path, capsys):
    assert demo.main(["--out", str(tmp_path / "out"), "--picture", "detail.jpg"]) == 2
    assert "keep every pixel" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 400), (1000, 30), (300, 300)])
def test_a_detail_of_any_size_can_be_drawn(height, width):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    picture = draw_detail([Panel("a", "b", image), Panel("c", "d", image)])
    assert picture.size == (2 * 264 + 8, min(height, 256) + 54)
