"""The table of a file cut behind each slice: by hand from a file's own lengths, and the picture's shape."""

import json

import numpy as np
import pytest
from PIL import Image

from cca_jax.bitstream.container import read_header
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.entropy_coding.coders import get_coder
from eval.demo import progressive


@pytest.fixture(scope="module")
def codec(micro_lite, micro_lite_params):
    return Codec(Bundle.build("micro", "", micro_lite, micro_lite_params), get_coder("constriction"))


@pytest.fixture
def photos(tmp_path):
    for name, shape in {"a.png": (60, 64, 3), "b.png": (64, 33, 3)}.items():
        Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)).save(tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("tile", [None, 64])
def test_a_prefix_is_the_file_up_to_its_last_slice(codec, photos, tile, monkeypatch):
    image = np.asarray(Image.open(photos / "a.png")).repeat(2, axis=1)
    compress = codec.compress
    monkeypatch.setattr(codec, "compress", lambda pixels, quality: compress(pixels, quality, tile=tile))
    data = codec.compress(image, 60)
    lengths = read_header(data).lengths
    found = list(progressive.prefixes(codec, image, 60))
    assert [prefix.slices for prefix in found] == [0, 1, 2, 3]
    for prefix in found:
        missing = sum(lengths[2 + prefix.slices - 1 :])
        assert prefix.bits_per_pixel == 8 * (len(data) - missing) / image[..., 0].size
        error = (codec.decompress(data, slices=prefix.slices).astype(float) - image) ** 2
        assert prefix.psnr == pytest.approx(10 * np.log10(255**2 / error.mean()), abs=1e-3)


def test_a_table_of_means_for_each_model(codec, photos, monkeypatch, capsys):
    monkeypatch.setattr(progressive, "load_codec", lambda name: codec)
    arguments = [str(photos), "--model", "one", "--model", "two", "--quality", "60"]
    assert progressive.main([*arguments, "--json", "--picture", str(photos / "out" / "x.webp")]) == 0
    one, two = json.loads(capsys.readouterr().out)
    assert (one["model"], two["model"]) == ("one", "two")
    assert one["rows"] == two["rows"]
    images = [np.asarray(Image.open(photos / name)) for name in one["images"]]
    per_image = [list(progressive.prefixes(codec, image, 60)) for image in images]
    for k, row in enumerate(one["rows"]):
        assert row["bits_per_pixel"] == pytest.approx(np.mean([found[k].bits_per_pixel for found in per_image]))
        assert row["psnr"] == pytest.approx(np.mean([found[k].psnr for found in per_image]))
    assert one["rows"][-1]["share"] == 1
    with Image.open(photos / "out" / "x.webp") as picture:
        assert picture.size == (3 * 264 + 8, 2 * (60 + 46) + 8)  # four panels in two rows
    assert progressive.main(arguments) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"model one ({codec.identity.hex()}), quality 60, means of 2 images"
    assert len(out) == 2 * (2 + 4)


def test_bad_input_is_one_line(photos, capsys):
    for arguments in (["--picture", "x.jpg"], [str(photos / "none.png")], ["--model", "no such model"]):
        assert progressive.main(arguments) == 2
        assert capsys.readouterr().err.count("\n") == 1
