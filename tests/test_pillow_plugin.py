"""The Pillow plugin: .cca files open lazily and save, with alpha, grey and metadata."""

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

import cca_jax.pillow
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.entropy_coding.coders import default_coder

COLORS = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def codec(monkeypatch, micro_lite, micro_lite_params):
    made = Codec(Bundle.build("lite", "", micro_lite, micro_lite_params), default_coder())
    monkeypatch.setattr(cca_jax.pillow, "_codec", lambda model, max_pixels: made)
    monkeypatch.setattr(cca_jax.pillow, "_codec_of", lambda identity, max_pixels: made)
    return made


def test_saved_and_opened(tmp_path, codec):
    alpha = np.broadcast_to(np.arange(64, dtype=np.uint8), (64, 64))
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    Image.fromarray(np.dstack([COLORS, alpha])).save(tmp_path / "a.cca", quality=70, exif=exif, xmp=b"<x/>")
    with Image.open(tmp_path / "a.cca") as image:
        assert (image.format, image.size, image.mode, image._im) == ("CCA", (64, 64), "RGBA", None)
        assert image.get_format_mimetype() == "image/x-cca"
        assert image.getexif()[0x010F] == "Maker"
        assert image.info["xmp"] == b"<x/>"
        assert image.info["quality"] == 70
        data = (tmp_path / "a.cca").read_bytes()
        np.testing.assert_array_equal(np.asarray(image)[..., 3], alpha)
        np.testing.assert_array_equal(np.asarray(image)[..., :3], codec.decompress(data))


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_modes_come_back(tmp_path, mode):
    Image.fromarray(COLORS).convert(mode).save(tmp_path / "a.cca")
    with Image.open(tmp_path / "a.cca") as image:
        image.load()
        assert image.mode == mode


def test_damaged_files_are_not_identified(tmp_path):
    Image.fromarray(COLORS).save(tmp_path / "a.cca")
    data = bytearray((tmp_path / "a.cca").read_bytes())
    data[14] ^= 1
    (tmp_path / "a.cca").write_bytes(data)
    with pytest.raises(UnidentifiedImageError):
        Image.open(tmp_path / "a.cca")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_pillow_says_how_many_pixels_are_accepted(tmp_path, monkeypatch):
    asked = []
    codec_of = cca_jax.pillow._codec_of
    monkeypatch.setattr(cca_jax.pillow, "_codec_of", lambda *call: asked.append(call[1]) or codec_of(*call))
    Image.fromarray(COLORS).save(tmp_path / "a.cca")
    for limit, accepted in ((None, 1 << 32), (2048, 4096)):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with Image.open(tmp_path / "a.cca") as image:
            image.load()
        assert asked.pop() == accepted
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2047)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(tmp_path / "a.cca")
    assert asked == []
