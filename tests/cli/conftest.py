"""A codec that needs no model: it drops the low bits of an image and packs the rest into a real .cca container."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cca_jax
from cca_jax.bitstream import container
from cca_jax.bitstream.partial import read_whole_streams
from cca_jax.bundles import registry
from cca_jax.cli.library import codecs
from cca_jax.codec.pictures.photo_boxes import photo_of, type_of_samples
from cca_jax.codec.pictures.samples import in_type
from cca_jax.config import ModelConfig
from cca_jax.model.parameters.cost import Cost

IDENTITY = b"fakemodl"


class FakeCodec:
    """Stands in for `cca_jax.Codec`; keeps what it was asked."""

    name = "fake"
    identity = IDENTITY
    batch_size = 1

    def __init__(self, model, calls, coder=2):
        self._model, self._calls, self._coder = model, calls, coder

    def with_coder(self, name):
        return FakeCodec(self._model, self._calls, {"tensorflow": 1, "constriction": 2}[name])

    def compress(self, image, quality=None, *, tile=None, effort=0, progress=None, clock=None):
        self._calls.append(("compress", self._model, quality, self._coder, tile, effort))
        if effort:
            progress(effort, effort)
        coarse = zlib.compress((image.in_8_bits & 0xF0 | 8).tobytes())
        streams = tuple(container.Stream(data, 0) for data in (coarse, b"one", b"four"))
        named = (*image.pixels.shape[1::-1], IDENTITY, self._coder, quality, streams)
        return container.write(container.Container(*named, 4 if image.boxes else 2, None, image.boxes))

    def batch_group(self, height, width, tile=None, effort=0):
        return None

    def compress_batch(self, images, quality=None, *, clock=None):
        return [self.compress(image, quality) for image in images]

    def decode_batch(self, files, *, depth=None, clock=None):
        return [self.decode(data, depth=depth) for data in files]

    def decompress(self, data, slices=None, *, partial=False, clock=None):
        return in_type(self._restored(data, slices, partial)[1], np.uint8)

    def decode(self, data, slices=None, partial=False, depth=None, *, clock=None):
        file, pixels = self._restored(data, slices, partial)
        return photo_of(file, in_type(pixels, type_of_samples(file, depth)))

    def _restored(self, data, slices, partial):
        self._calls.append(("decompress", self._model, slices))
        file = read_whole_streams(data) if partial else container.read(data)
        packed = (file.streams_of(0) if partial else file.streams)[0].data
        samples = np.frombuffer(zlib.decompress(packed), np.uint8)
        if samples.size == 2 * 3 * file.height * file.width:
            samples = samples.view(np.uint16)
        return file, samples.reshape(file.height, file.width, 3)


def summary(name, path):
    return registry.ModelSummary(
        name=name,
        path=Path(path),
        card=Path(path) / "README.md",
        identity=IDENTITY,
        parameters=1234567,
        bytes=4938268,
        description="a model for tests",
        qualities=(),
        config=ModelConfig(),
        cost=Cost(encode=693.4, decode=688.7),
    )


@pytest.fixture
def visible():
    """A function from a folder to the names of the files in it that are not hidden, sorted."""
    return lambda folder: sorted(path.name for path in Path(folder).iterdir() if not path.name.startswith("."))


@pytest.fixture
def fake_codec():
    return FakeCodec


@pytest.fixture
def calls(monkeypatch):
    """Puts the fake in the library's place; the list of what was asked of it."""
    made = []

    def load_model(name, max_pixels=None):
        if name not in ("fake", "default", "/models/fake"):
            raise ValueError(f"there is no model {name!r}: choose fake")
        made.append(("load", name) if max_pixels is None else ("load", name, max_pixels))
        return FakeCodec(name, made)

    def find_model(identity):
        if identity != IDENTITY:
            raise ValueError(f"no installed model has the identity {identity.hex()}")
        return Path("/models/fake")

    def summarize_model(name):
        if name != "fake":
            raise ValueError(f"there is no model {name!r}: choose fake")
        return summary("fake", "/models/fake")

    models = [summary("fake", "/models/fake"), summary("other", "/models/other")]
    monkeypatch.setattr(registry, "DEFAULT_MODEL", "default")
    monkeypatch.setattr(registry, "find_model", find_model)
    monkeypatch.setattr(registry, "summarize_model", summarize_model)
    monkeypatch.setattr(registry, "list_models", lambda: models)
    monkeypatch.setattr(cca_jax, "load_model", load_model)
    codecs._codec_for_identity.cache_clear()
    yield made
    codecs._codec_for_identity.cache_clear()


@pytest.fixture
def photo(tmp_path):
    """Writes an image of that name; returns its path as text."""

    def make(name="photo.png", shape=(12, 20, 3), seed=0):
        pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return str(path)

    return make


@pytest.fixture
def run(calls, capsys):
    """Runs the command line; returns its exit status, its output and its errors."""
    from cca_jax.cli.main import main

    def call(*arguments):
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            status = stop.code
        return (status, *capsys.readouterr())

    return call
