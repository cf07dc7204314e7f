"""A folder of all kinds of images, by a real codec: the bytes and pixels of one-by-one coding."""

import json

import numpy as np
import pytest
from PIL import Image

from cca_jax.bundles.bundle import Bundle, save_bundle
from cca_jax.cli.main import main
from cca_jax.codec.codec import load_model
from cca_jax.image_io.photo import read_photo

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def model(tmp_path_factory, micro_context, micro_context_params):
    folder = tmp_path_factory.mktemp("models") / "micro"
    save_bundle(Bundle.build("micro", "", micro_context, micro_context_params, "float16"), folder, "")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    generator = np.random.default_rng(0)
    shapes = {
        "a.png": (70, 100, 3),
        "b.jpg": (64, 64, 3),
        "c.webp": (130, 60, 3),
        "d.bmp": (1, 1, 3),
        "e.png": (60, 61, 4),
        "f.png": (50, 128),
        "g.png": (128, 70, 3),
    }
    for name, shape in shapes.items():
        Image.fromarray(generator.integers(0, 256, shape, np.uint8)).save(folder / name)
    (folder / "bad.png").write_bytes(b"no picture")
    return folder


@pytest.mark.parametrize("tile", [None, 64])
def test_a_mixed_folder_is_coded_as_its_images_are_one_by_one(model, photos, tmp_path, capsys, tile):
    options = [] if tile is None else ["--tile", str(tile)]
    out, back = tmp_path / "out", tmp_path / "back"
    arguments = ["compress", photos, "-o", out, "--model", model, "--quality", "70", "--workers", "3", *options]
    assert main([*map(str, arguments), "--summary", str(tmp_path / "summary.jsonl")]) == 2  # for the bad one
    codec = load_model(model)
    files = {path.stem: path.read_bytes() for path in out.glob("*.cca")}
    expected = {
        path.stem: codec.compress(read_photo(path), 70, tile=tile)
        for path in sorted(photos.iterdir())
        if path.stem != "bad"
    }
    assert files == expected
    assert main(["decompress", str(out), "-o", str(back), "--model", str(model), "--workers", "3"]) == 0
    for path in back.glob("*.png"):
        restored, photo = read_photo(path), codec.decode(files[path.stem])
        np.testing.assert_array_equal(restored.pixels, photo.pixels)
        assert (restored.gray, restored.alpha is None) == (path.stem == "f", path.stem != "e")
        if photo.alpha is not None:
            np.testing.assert_array_equal(restored.alpha, photo.alpha)
    assert len(list(back.glob("*.png"))) == 7
    lines = [json.loads(line) for line in (tmp_path / "summary.jsonl").read_text().splitlines()]
    assert {line["status"] for line in lines} == {"done", "failed"}
    assert sum(line.get("bytes", 0) for line in lines) == sum(map(len, files.values()))
    capsys.readouterr()
