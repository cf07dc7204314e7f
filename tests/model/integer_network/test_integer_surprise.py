"""Surprises: integers within their bound, about 0 on average under the very tables that symbols were coded with."""

import jax
import jax.numpy as jnp
import numpy as np

from cca_jax.model.integer_network.surprise import EXPECTED, LARGEST_SURPRISE, LEVELS, level, surprise
from cca_jax.ops.likelihoods.scales import SCALE_COUNT, scale_of_index

INDEXES = np.arange(SCALE_COUNT, dtype=np.float32)


def test_levels_are_half_octaves_of_the_magnitude():
    symbols = jnp.array([0.0, 1, -1, 2, -3, 4, 5, 6, 190, -192, 1e6])
    np.testing.assert_array_equal(level(symbols), [0, 1, 1, 2, 3, 4, 4, 5, 14, 15, 15])


def test_what_is_expected_is_a_laplacians_mean_level():
    scales = np.asarray(scale_of_index(jnp.asarray(INDEXES)), np.float64)
    mean = sum(np.exp(-2 * (bound - 0.5) / scales) for bound in LEVELS)
    np.testing.assert_allclose(np.array(EXPECTED) / 4, mean, atol=0.126)


def test_no_symbol_is_beyond_the_bound():
    for symbol in (0, 1, -192, 2**31 - 128):
        actual = np.asarray(surprise(jnp.full(SCALE_COUNT, float(symbol)), jnp.asarray(INDEXES)))
        np.testing.assert_array_equal(actual, np.rint(actual))
        assert np.abs(actual).max() <= LARGEST_SURPRISE
    assert float(surprise(jnp.array([1e9]), jnp.array([0.0]))[0]) == LARGEST_SURPRISE


def test_gradients_follow_the_magnitude_and_leave_the_tables_alone():
    symbols, indexes = jnp.array([0.0, 1, -2, 10, -100, 500]), jnp.full(6, 20.0)
    to_symbols, to_indexes = jax.grad(lambda *arguments: surprise(*arguments).sum(), (0, 1))(symbols, indexes)
    assert (np.sign(to_symbols) == [0, 1, -1, 1, -1, 0]).all()
    assert (np.diff(np.abs(to_symbols[1:])) <= 0).all()
    np.testing.assert_array_equal(to_indexes, 0)
