"""Bits by likelihoods, from outputs given to them."""

import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.objective.bits import Likelihoods, bits_per_slice, total_bits


@pytest.fixture
def likelihoods(micro):
    """Two images of 4×4 positions: a half in slice 0, a quarter in slice 1, a certainty in slice 2 of the second."""
    own = np.repeat(np.float32([0.5, 0.25, 0.125]), micro.slice_sizes)
    y = np.tile(own, (2, 4, 4, 1))
    y[1, :, :, micro.slice_edges[2] :] = 1
    return Likelihoods(y, np.full((2, 1, 1, micro.hyper_channels), 0.5, np.float32))


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
def test_bits_of_each_stream_of_each_image(micro, likelihoods, kind):
    first, second, third = micro.slice_sizes
    bits = bits_per_slice(Likelihoods(*map(kind, likelihoods)), micro)
    expected = [[4, 16 * first, 32 * second, 48 * third], [4, 16 * first, 32 * second, 0]]
    np.testing.assert_allclose(bits, expected, rtol=1e-6)
    np.testing.assert_allclose(bits[:, 1:].sum(-1), total_bits(kind(likelihoods.likelihood_y)), rtol=1e-6)


def test_numpy_is_summed_in_double_precision():
    likelihood = np.full((1, 512, 512, 8), 0.9, np.float32)
    assert total_bits(likelihood)[0] == pytest.approx(
        -likelihood.size * np.log2(np.float64(np.float32(0.9))), rel=1e-12
    )
