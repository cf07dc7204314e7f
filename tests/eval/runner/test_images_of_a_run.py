"""What --data names: folders at any depth, and what is refused."""

import sys

import numpy as np
import pytest
from PIL import Image

from cca_jax.image_io.images import ImageError
from eval.runner.images import DatasetSource, digest, open_source


def test_a_folder_is_searched_at_any_depth(photos):
    (photos / "notes.txt").write_text("no image")
    (photos / ".hidden").mkdir()
    for name in (".hidden/c.png", ".d.png"):
        Image.new("RGB", (2, 2)).save(photos / name)
    source = open_source(str(photos))
    assert (source.name, source.names) == ("photos", ("a.png", "more/b.png"))
    image = source.load(1)
    assert (image.name, image.pixels.shape, image.notes) == ("more/b.png", (9, 7, 3), ())


def test_the_digest_is_of_pixels_and_size(photos):
    pixels = open_source(str(photos)).load(0).pixels
    changed = pixels ^ (np.arange(pixels.size) == 7).reshape(pixels.shape)
    assert digest(pixels.copy()) == digest(pixels)
    assert len({digest(one) for one in (pixels, pixels.reshape(20, 12, 3), changed)}) == 3


@pytest.mark.parametrize(
    ("name", "message"), [("missing", "no such folder"), ("empty", "no image"), ("photos/a.png", "is a file")]
)
def test_no_folder_of_images_is_refused(photos, name, message):
    (photos.parent / "empty").mkdir()
    with pytest.raises((ValueError, OSError), match=message):
        open_source(str(photos.parent / name))


class Pictures(list):
    def __getitem__(self, index):
        if index == 1:
            raise ImageError("broken")
        return super().__getitem__(index)


@pytest.mark.parametrize("held_out", [True, False])
def test_a_dataset_is_judged_by_what_it_holds_out(monkeypatch, tmp_path, held_out):
    asked = []
    small, large = Pictures([np.zeros((1, 1, 3), np.uint8)] * 2), Pictures([np.zeros((4, 4, 3), np.uint8)] * 3)

    def prepared(name, data_dir):
        asked.append((name, data_dir))
        return large, small if held_out else None

    monkeypatch.setattr("eval.runner.images.open_tensorflow_dataset", prepared)
    source = open_source("tfds:birds/small", tmp_path)
    assert asked == [("birds/small", tmp_path)]
    assert source.names == tuple(f"birds/small[{index}]" for index in range(2 if held_out else 3))
    assert source.load(0).pixels.shape == ((1, 1, 3) if held_out else (4, 4, 3))
    with pytest.raises(ImageError, match="broken"):
        source.load(1)


def test_datasets_need_their_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ValueError, match="tensorflow-datasets"):
        DatasetSource("tfds:birds", None)
