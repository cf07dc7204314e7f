"""Files that the fake codec opens as photos, and what they are restored to."""

import zlib

import pytest

from cca_jax.bitstream import container
from cca_jax.codec.pictures.photo_boxes import boxes_of
from cca_jax.image_io.photo import read_photo


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
