"""A codec that needs no model and counts its calls, and folders of small images."""

import zlib

import numpy as np
import pytest
from PIL import Image

from eval.codecs.interface import CodecError, Decoded, Encoded, Estimate


class CountingCodec:
    """Keeps the upper bits of every sample; refuses images that are all black."""

    version = "1"
    external = False
    setting_name = "bits"

    def __init__(self, name="fake", kind="conventional", settings=(2.0, 4.0)):
        self.name, self.kind, self.settings = name, kind, settings
        self.encoded = []

    def encode(self, pixels, setting):
        self.encoded.append((pixels.shape, setting))
        if not pixels.any():
            raise CodecError("too dark")
        kept = (pixels >> (8 - int(setting)) << (8 - int(setting))).tobytes()
        data = np.array(pixels.shape[:2], "<u4").tobytes() + zlib.compress(kept)
        return Encoded(data, {"total": 0.25}, (8, 8 * len(data) - 8) if self.kind == "ours" else None)

    def decode(self, data):
        height, width = np.frombuffer(data[:8], "<u4")
        pixels = np.frombuffer(zlib.decompress(data[8:]), np.uint8).reshape(height, width, 3)
        return Decoded(pixels, {"coder": 0.25, "total": 0.5})

    def estimate(self, pixels, setting):
        return Estimate((100.0, 28.0), 64)


@pytest.fixture
def counting_codec():
    return CountingCodec


@pytest.fixture
def photos(tmp_path):
    """A folder of two images of different sizes, one of them in a folder within it."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name, size in (("a.png", (12, 20, 3)), ("more/b.png", (9, 7, 3))):
        Image.fromarray(generator.integers(0, 256, size, dtype=np.uint8)).save(folder / name)
    return folder
