"""Files of a model whose tables also follow from symbols: both coders, tiles, other arithmetic, early ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.bitstream import container
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.entropy_coding import coders
from cca_jax.entropy_coding.errors import CorruptError
from cca_jax.model.cca import CCAModel
from cca_jax.model.rates import RatePoint
from cca_jax.tiling.buckets import pad

pytestmark = pytest.mark.usefixtures("quick_compilation")

QUALITY = 61.3


@pytest.fixture(scope="module")
def bundle(micro_context, micro_context_params):
    return Bundle.build("context", "", micro_context, micro_context_params, "float16")


@pytest.fixture(scope="module")
def codec(bundle):
    return Codec(bundle, coders.get_coder("constriction"))


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (150, 250, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def encoding(codec, image):
    return codec.encode(image, QUALITY)


@pytest.fixture(scope="module")
def data(encoding):
    return container.write(encoding.container)


@pytest.fixture(scope="module")
def whole(codec, data):
    return codec.decompress(data)


def decoded_symbols(codec, data):
    seen = {}
    codec.decompress(data, observe=lambda tile, stream, symbols: seen.update({(tile, stream): symbols}))
    return seen


def test_what_is_encoded_is_decoded(codec, encoding, data, whole):
    np.testing.assert_array_equal(codec.restore(encoding), whole)
    for (tile, stream), actual in decoded_symbols(codec, data).items():
        np.testing.assert_array_equal(actual, encoding.tiles[tile].symbols[stream].ravel())
    assert any(np.abs(symbols).max() > 1 for symbols in encoding.symbols[1:])


def test_the_slices_before_move_the_tables(bundle, micro_lite, codec, encoding, image):
    """So that the tests around this one say something."""
    known = {n: v for n, v in bundle.params["exact_scales"].items() if not n.startswith("context_")}
    plain = Bundle.build("plain", "", micro_lite, {**bundle.params, "exact_scales": known}, "float16")
    tables = Codec(plain, codec.coder).encode(image, QUALITY).indexes
    same = [np.array_equal(*pair) for pair in zip(tables, encoding.indexes, strict=True)]
    assert same == [True, True, False, False]  # z and the first slice have no context


@pytest.mark.parametrize("name", ["tensorflow", "constriction"])
def test_both_coders_and_tiles(bundle, image, name):
    codec = Codec(bundle, coders.get_coder(name))
    encoding = codec.encode(image, QUALITY, tile=128)
    assert encoding.container.grid.count == 4
    actual = decoded_symbols(codec, container.write(encoding.container))
    assert len(actual) == 4 * (1 + codec.config.num_slices)
    for (tile, stream), symbols in actual.items():
        np.testing.assert_array_equal(symbols, encoding.tiles[tile].symbols[stream].ravel())


def test_the_symbols_are_the_same_in_bfloat16(bundle, codec, data, whole):
    expected = decoded_symbols(codec, data)
    near = Codec(bundle, codec.coder, jnp.bfloat16)
    actual = decoded_symbols(near, data)
    assert actual.keys() == expected.keys()
    assert all(np.array_equal(actual[key], expected[key]) for key in expected)
    assert 0 < np.abs(near.decompress(data).astype(int) - whole).mean() < 2


def test_slices_can_be_left_out_and_cut_off(codec, data, whole):
    offsets = container.read_header(data).offsets
    pictures = [codec.decompress(data, slices=k) for k in range(codec.config.num_slices + 1)]
    np.testing.assert_array_equal(pictures[-1], whole)
    assert len({picture.tobytes() for picture in pictures}) > 2
    for k, picture in enumerate(pictures):
        np.testing.assert_array_equal(codec.decompress(data[: offsets[1 + k]], slices=k), picture)
        with pytest.raises(CorruptError, match="cut short"):
            codec.decompress(data[: offsets[1 + k] - 1], slices=k)


def test_streams_are_as_long_as_the_likelihoods_of_training_say(codec, encoding, image):
    params = jax.tree.map(jnp.float32, codec.bundle.params)
    rate = RatePoint.of_quality(codec.config, encoding.container.quality)
    forward = jax.jit(lambda image: CCAModel(codec.config).apply({"params": params}, image, rate=rate, auxiliary=False))
    output = forward(pad(image)[None] / np.float32(255))
    estimate = sum(-np.log2(p).sum() / 8 for p in (output.likelihood_y, output.likelihood_z))
    streams = sum(len(stream.data) for stream in encoding.container.streams)
    assert abs(streams - estimate) <= 0.01 * estimate + 32
