"""What a codec's networks compute for an image, beside the file that it makes of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.bitstream import container
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.config import HYPER_STRIDE
from cca_jax.entropy_coding import coders
from cca_jax.entropy_coding.errors import TooLargeError
from cca_jax.model.rates import RatePoint
from cca_jax.objective.bits import bits_per_slice, total_bits
from cca_jax.ops.likelihoods.scales import scale_of_index


@pytest.fixture(scope="module")
def codec(micro_context, micro_context_params):
    bundle = Bundle.build("context", "", micro_context, micro_context_params, "float16")
    return Codec(bundle, coders.get_coder("constriction"), max_pixels=100_000)


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (60, 64, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def output(codec, image):
    return codec.forward(image, quality=60)


@pytest.fixture(scope="module")
def encoding(codec, image):
    return codec.encode(image, quality=60)


def test_the_parameters_are_those_of_the_bundle_in_float32(codec):
    stored = codec.bundle.params
    assert {leaf.dtype for leaf in jax.tree.leaves(stored)} == {np.dtype(np.float16)}
    jax.tree.map(
        lambda ours, theirs: np.testing.assert_array_equal(ours, theirs.astype(np.float32)), codec.params, stored
    )
    assert {leaf.dtype for leaf in jax.tree.leaves(codec.params)} == {np.dtype(np.float32)}


def test_its_symbols_and_scales_are_those_of_the_file(codec, output, encoding):
    symbols = np.round((output.y - output.means) / output.step_sizes)
    np.testing.assert_array_equal(symbols, np.concatenate(encoding.symbols[1:], axis=-1))
    indexes = jnp.asarray(np.concatenate(encoding.indexes[1:], axis=-1), jnp.float32)
    np.testing.assert_allclose(output.scales, scale_of_index(indexes), rtol=1e-6)
    medians = codec.params["hyper_prior"]["quantiles"][:, 1]
    np.testing.assert_array_equal(np.round(output.z - medians[None, None, None]), encoding.symbols[0])


def test_its_reconstruction_is_the_files_picture(codec, image, output, encoding):
    assert output.x_hat.shape == (1, *image.shape)
    decoded = codec.decompress(encoding.data).astype(int)
    assert np.abs(np.round(np.clip(output.x_hat[0], 0, 1) * 255) - decoded).max() <= 1


def test_its_bits_are_those_of_the_file(codec, output, encoding):
    bits = bits_per_slice(output, codec.config)[0]
    assert bits.sum() == pytest.approx(total_bits(output.likelihood_y)[0] + total_bits(output.likelihood_z)[0])
    # A stream ends on a byte, and a coder's state takes some.
    np.testing.assert_allclose(encoding.bits_per_stream, bits, rtol=0.01, atol=64)


def test_an_encoding_gives_its_bytes_and_the_bits_of_its_streams(codec, image, encoding):
    assert encoding.data == codec.compress(image, quality=60)
    header = container.read_header(encoding.data)
    assert encoding.bits_per_stream == tuple(8 * length for length in header.lengths)
    assert 8 * len(encoding.data) == sum(encoding.bits_per_stream) + 8 * header.size
    tiled = codec.encode(np.tile(image, (3, 1, 1)), quality=60, tile=HYPER_STRIDE)
    assert tiled.grid.count == 3
    lengths = container.read_header(tiled.data).lengths
    assert tiled.bits_per_stream == tuple(8 * length for length in lengths)


def test_the_rate_of_a_quality_is_that_of_files(codec, output):
    rate = codec.rate(60)
    np.testing.assert_array_equal(rate.step_size, output.step_sizes)
    np.testing.assert_allclose(rate.weight, RatePoint.of_quality(codec.config, 60.0).weight, rtol=1e-6)
    assert rate.integer is not None
    np.testing.assert_array_equal(codec.rate().index, codec.rate(50).index)


def test_what_cannot_be_coded_is_refused(codec, image, micro, micro_params):
    with pytest.raises(ValueError, match="a quality is a number from 1 to 100"):
        codec.forward(image, quality=0)
    with pytest.raises(ValueError, match="array"):
        codec.forward(image.astype(np.float32))
    with pytest.raises(TooLargeError, match="100,000 pixels"):
        codec.forward(np.zeros((320, 320, 3), np.uint8))
    single = Codec(Bundle.build("micro", "", micro, micro_params), coders.get_coder("constriction"))
    assert single.rate() is None
    with pytest.raises(ValueError, match="single rate"):
        single.forward(image, quality=50)
