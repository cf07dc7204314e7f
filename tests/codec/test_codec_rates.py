"""Files of a model of several rates with exact scales: every quality, every machine's arithmetic, every refusal."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.bitstream import container
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.entropy_coding import coders
from cca_jax.entropy_coding.errors import CorruptError, FormatError
from cca_jax.model.cca import CCAModel
from cca_jax.model.parameters.shapes import flatten, unflatten
from cca_jax.model.rates import RatePoint
from cca_jax.tiling.buckets import pad

QUALITIES = (1.0, 37.3, 100.0)


@pytest.fixture(scope="module")
def codec(micro_lite, micro_lite_params):
    return Codec(Bundle.build("lite", "", micro_lite, micro_lite_params, "float16"), coders.get_coder("constriction"))


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (570, 64, 3)).astype(np.uint8)  # nine units in a bucket of ten


@pytest.fixture(scope="module")
def encodings(codec, image):
    return {quality: codec.encode(image, quality) for quality in QUALITIES}


@pytest.fixture(scope="module")
def data(encodings):
    return container.write(encodings[100.0].container)


@pytest.fixture(scope="module")
def whole(codec, data):
    return codec.decompress(data)


@pytest.fixture
def elsewhere(codec, monkeypatch):
    """The same model where arithmetic differs: other types of the networks, or other last bits of their weights."""

    def make(dtype=jnp.float32, factor=1.0):
        arrays = {
            name: array
            if name.startswith(("exact_scales/", "hyper_prior/", "rates/"))
            else np.float32(array) * np.float32(factor)
            for name, array in flatten(codec.bundle.params).items()
        }
        other = Codec(dataclasses.replace(codec.bundle, params=unflatten(arrays)), codec.coder)
        monkeypatch.setattr(other, "_identity", codec.identity)
        monkeypatch.setattr(other, "model", CCAModel(codec.config, dtype))
        return other

    return make


@pytest.fixture
def decoded_symbols(monkeypatch):
    """What decoders verify, stream by stream."""
    seen = {}
    verify = container.verify_symbols

    def record(stream, expected, symbols, **options):
        seen[stream] = symbols
        verify(stream, expected, symbols, **options)

    monkeypatch.setattr(container, "verify_symbols", record)
    return seen


def test_what_is_encoded_is_decoded_at_every_quality(codec, image, encodings, decoded_symbols):
    sizes = []
    for quality, encoding in encodings.items():
        file = container.write(encoding.container)
        decoded_symbols.clear()
        decoded = codec.decompress(file)
        assert len(decoded_symbols) == len(encoding.symbols)
        for stream, expected in enumerate(encoding.symbols):
            np.testing.assert_array_equal(decoded_symbols[stream], expected.ravel())
        near = np.round(np.clip(codec.reconstruct(encoding.y_hat)[0, :570], 0, 1) * 255)
        assert np.abs(decoded - near).max() <= 1
        assert container.read_header(file).quality == encoding.container.quality == round(quality * 256) / 256
        sizes.append(len(file))
    assert sizes == sorted(sizes)
    assert any(np.abs(symbols).max() > 1 for symbols in encodings[100.0].symbols[1:])


def test_streams_are_as_long_as_the_likelihoods_say(codec, encodings, image):
    params = jax.tree.map(jnp.float32, codec.bundle.params)
    model = CCAModel(codec.config)
    forward = jax.jit(lambda image, rate: model.apply({"params": params}, image, rate=rate, auxiliary=False))
    for quality, encoding in encodings.items():
        rate = RatePoint.of_quality(model.config, encoding.container.quality)
        output = forward(pad(image)[None] / np.float32(255), rate)
        estimate = sum(-np.log2(p).sum() / 8 for p in (output.likelihood_y, output.likelihood_z))
        streams = sum(len(stream.data) for stream in encoding.container.streams)
        assert abs(streams - estimate) <= 0.005 * estimate + 32, quality
        np.testing.assert_allclose(encoding.y_hat, output.y_hat, atol=1e-3)


def test_the_symbols_are_the_same_in_bfloat16(elsewhere, data, encodings, whole, decoded_symbols):
    near = elsewhere(jnp.bfloat16).decompress(data)
    assert len(decoded_symbols) == len(encodings[100.0].symbols)
    for stream, expected in enumerate(encodings[100.0].symbols):
        actual = decoded_symbols[stream]
        np.testing.assert_array_equal(actual, expected.ravel())
    error = np.abs(near.astype(int) - whole)
    assert 0 < error.mean() < 2


def test_drift_of_the_means_moves_a_pixel_by_a_level_at_most(elsewhere, data, whole):
    error = np.abs(elsewhere(factor=1 + 1e-6).decompress(data).astype(int) - whole)
    assert error.max() <= 1


def test_slices_can_be_left_out_and_cut_off(codec, data, whole):
    header = container.read_header(data)
    pictures = [codec.decompress(data, slices=k) for k in range(codec.config.num_slices + 1)]
    np.testing.assert_array_equal(pictures[-1], whole)
    assert len({picture.tobytes() for picture in pictures}) > 2
    for k, picture in enumerate(pictures):
        np.testing.assert_array_equal(codec.decompress(data[: header.offsets[1 + k]], slices=k), picture)
        with pytest.raises(CorruptError, match="cut short"):
            codec.decompress(data[: header.offsets[1 + k] - 1], slices=k)


def test_wrong_symbols_of_an_intact_stream_are_damage(codec, encodings):
    file = encodings[1.0].container
    for k, stream in enumerate(file.streams):
        wrong = dataclasses.replace(stream, symbol_check=stream.symbol_check ^ 1)
        streams = (*file.streams[:k], wrong, *file.streams[k + 1 :])
        with pytest.raises(CorruptError, match="arithmetic cannot explain"):
            codec.decompress(container.write(dataclasses.replace(file, streams=streams)))


def test_the_middle_of_the_range_is_the_default(codec, image):
    assert container.read_header(codec.compress(image)).quality == 50


@pytest.mark.parametrize("quality", [0, 0.99, 100.01, 101, -5, float("nan"), float("inf")])
def test_other_qualities_are_refused(codec, image, quality):
    with pytest.raises(ValueError, match="a quality is a number from 1 to 100"):
        codec.compress(image, quality)


@pytest.mark.parametrize(("quality", "message"), [(None, "states no quality"), (0.5, "quality 0.5"), (101.0, "101")])
def test_files_without_a_quality_of_the_model_are_refused(codec, encodings, quality, message):
    file = dataclasses.replace(encodings[1.0].container, quality=quality)
    with pytest.raises(FormatError, match=message):
        codec.decompress(container.write(file))
