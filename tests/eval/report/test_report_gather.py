"""Which file each codec contributes to the comparison, and where the bits of ours go."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from cca_jax.bitstream import container
from cca_jax.entropy_coding import coders
from cca_jax.entropy_coding.tables import gaussian_tables
from eval.codecs.interface import CodecError, Decoded
from eval.report import gather
from eval.report.pictures import Version
from eval.runner.images import LoadedImage, evenly_spaced


@dataclasses.dataclass
class Model:
    """Its files are of 100 bytes times the setting."""

    name: str
    settings: tuple = (1.0, 2.0, 3.0)


@pytest.fixture
def image():
    return LoadedImage("photo", np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8), ())


@pytest.fixture
def gathered(monkeypatch, image):
    def our_version(pixels, model, setting):
        return Version(model.name, f"{setting:g}", round(100 * setting), 30.0, None, pixels)

    monkeypatch.setattr(gather, "our_version", our_version)

    def go(ours, others=()):
        return [(v.codec, v.setting, v.note) for v in gather.gather_picture(image, ours, others).versions]

    return go


def test_the_first_model_sets_the_size_and_others_stay_within(gathered):
    models = [Model("first"), Model("fits", (1.5, 1.9, 2.1)), Model("large", (5.0,))]
    assert gathered(models) == [("first", "2", ""), ("fits", "1.9", ""), ("large", "5", "cannot be as small")]


def test_other_codecs_write_the_largest_file_that_fits_or_are_left_out(gathered, counting_codec, image):
    codec, failing = counting_codec(), counting_codec("failing")
    codec.all_settings = failing.all_settings = tuple(range(1, 9))
    sizes = {setting: len(codec.encode(image.pixels, setting).data) for setting in codec.all_settings}

    def refuse(pixels, setting):
        raise CodecError("no")

    failing.encode = refuse
    limit = Model("first", (sizes[4] / 100,))
    assert gathered([limit], [codec, failing]) == [("first", f"{sizes[4] / 100:g}", ""), ("fake", "bits 4", "")]
    tight = Model("first", (0.01,))
    assert gathered([tight], [codec])[1] == ("fake", "bits 1", "cannot be as small")


class CodingCodec:
    """The integer half of a codec: every photo has the same latent, of 2 slices."""

    def __init__(self):
        self.bundle = SimpleNamespace(hyper=gaussian_tables([2.0, 9.0]), latent=gaussian_tables([0.3, 1.0, 4.0]))
        self.identity = bytes(8)

    def encode(self, pixels, quality, effort=0):
        generator = np.random.default_rng(0)
        shapes, scales = ((1, 5, 6, 2), (1, 20, 24, 7), (1, 20, 24, 9)), (6, 2, 2)
        symbols = tuple(
            np.rint(generator.normal(0, scale, shape)).astype(np.int32)
            for shape, scale in zip(shapes, scales, strict=True)
        )
        indexes = tuple(generator.integers(0, 2, shape).astype(np.int32) for shape in shapes)
        tables = (self.bundle.hyper, self.bundle.latent, self.bundle.latent)
        coder = coders.get_coder("constriction")
        streams = tuple(
            container.Stream(coder.encode(s.ravel(), i.ravel(), table), 0)
            for s, i, table in zip(symbols, indexes, tables, strict=True)
        )
        height, width = pixels.shape[:2]
        whole = container.Container(width, height, self.identity, coder.identifier, quality, streams)
        return SimpleNamespace(container=whole, data=container.write(whole), symbols=symbols, indexes=indexes)


def test_our_version_is_a_real_file_whose_bit_maps_add_up_to_its_streams(image):
    decoded = Decoded(image.pixels ^ 1, {"total": 1.0})
    codec = CodingCodec()
    model = SimpleNamespace(
        effort=0, codec=codec, name="ours", setting_name="quality", settings=(2.0, 3.0), decode=lambda data: decoded
    )
    version = gather.our_version(image.pixels, model, 2.0)
    whole = codec.encode(image.pixels, 2.0).container
    assert (version.setting, version.num_bytes) == ("quality 2", len(container.write(whole)))
    assert version.psnr == pytest.approx(20 * np.log10(255), abs=1e-3)
    assert (version.bits.hyper.shape, version.bits.slices.shape) == ((5, 6), (2, 20, 24))
    sums = [version.bits.hyper.sum(), *version.bits.slices.sum(axis=(1, 2))]
    np.testing.assert_allclose(sums, [8 * len(stream.data) for stream in whole.streams], rtol=1e-3, atol=64)


def test_pictures_are_chosen_from_the_whole_list():
    assert evenly_spaced(range(24), 3) == [4, 12, 20]
    assert evenly_spaced("ab", 3) == ["a", "b"]
    assert evenly_spaced("ab", 0) == []
