import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.blocks.priors import INITIAL_SCALE, FactorizedPrior
from cca_jax.ops.likelihoods.density import TAIL_MASS, FactorizedParameters, factorized_logits

CHANNELS = 3
TARGETS = np.array([-1, 0, 1]) * math.log(2 / TAIL_MASS - 1)


@pytest.fixture(scope="module")
def params():
    prior = FactorizedPrior(CHANNELS)
    fresh = prior.init(jax.random.key(0), jnp.zeros((1, CHANNELS)), method="likelihood")["params"]
    generator = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: leaf + jnp.asarray(generator.normal(0, 0.3, leaf.shape), jnp.float32), fresh)


def call(params, method, *arguments):
    return FactorizedPrior(CHANNELS).apply({"params": params}, *arguments, method=method)


def logits(params, x):
    parts = (
        [params[f"{kind}_{i}"] for i in range(count)] for kind, count in (("matrix", 5), ("bias", 5), ("factor", 4))
    )
    return factorized_logits(x, FactorizedParameters(*map(tuple, parts)))


def exact_quantiles(params):
    """Where the logits meet their targets, by bisection."""
    low, high = jnp.full((3, CHANNELS), -1e4), jnp.full((3, CHANNELS), 1e4)
    for _ in range(60):
        middle = (low + high) / 2
        below = logits(params, middle) < TARGETS[:, None]
        low, high = jnp.where(below, middle, low), jnp.where(below, high, middle)
    return middle.T


def test_quantile_loss_moves_the_quantiles_only(params):
    gradients = jax.grad(lambda p: call(p, "quantile_loss"))(params)
    for name, gradient in gradients.items():
        assert (np.asarray(gradient) != 0).all() if name == "quantiles" else (np.asarray(gradient) == 0).all(), name


def test_quantile_loss_is_the_sum_of_distances_from_the_targets(params):
    expected = sum(np.abs(np.float64(logits(params, params["quantiles"].T)) - TARGETS[:, None]).ravel())
    np.testing.assert_allclose(call(params, "quantile_loss"), expected, rtol=1e-6)


def test_quantile_loss_vanishes_at_the_exact_quantiles_and_pulls_towards_them(params):
    exact = exact_quantiles(params)
    loss = jax.value_and_grad(lambda q: call({**params, "quantiles": q}, "quantile_loss"))
    assert loss(exact)[0] < 1e-4 * loss(params["quantiles"])[0]
    for shift in (-0.5, 0.5):
        value, gradient = loss(exact + shift)
        assert value > 0.1
        np.testing.assert_array_equal(np.sign(gradient), np.full((CHANNELS, 3), np.sign(shift)))


def test_the_outer_quantiles_leave_half_of_the_tail_mass_on_each_side(params):
    outer = np.float64(logits(params, exact_quantiles(params).T))[::2]
    np.testing.assert_allclose(1 / (1 + np.exp(np.abs(outer))), TAIL_MASS / 2, rtol=1e-3)


def test_values_are_rounded_around_the_medians(params):
    x = jnp.asarray(np.random.default_rng(1).normal(0, 5, (2, 3, CHANNELS)), jnp.float32)
    grid = call(params, "quantize", x)
    steps = np.float64(grid) - np.float64(params["quantiles"][:, 1])
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-5)
    assert (np.abs(grid - x) <= 0.5 + 1e-5).all()
    np.testing.assert_array_equal(call(params, "quantize", grid), grid)
    np.testing.assert_array_equal(call(params, "median"), params["quantiles"][:, 1])


def test_symbols_and_values_meet_on_that_grid(params):
    x = jnp.asarray(np.random.default_rng(1).normal(0, 5, (2, 3, CHANNELS)), jnp.float32)
    symbols = call(params, "symbols", x)
    assert symbols.dtype == np.int32
    assert np.unique(symbols).size > 5
    np.testing.assert_array_equal(call(params, "values", symbols), call(params, "quantize", x))
    np.testing.assert_array_equal(call(params, "symbols", call(params, "values", symbols)), symbols)


def test_a_fresh_density_is_logistic_and_as_wide_as_the_initial_scale():
    prior = FactorizedPrior(CHANNELS)
    fresh = prior.init(jax.random.key(0), jnp.zeros((1, CHANNELS)), method="likelihood")["params"]
    np.testing.assert_array_equal(fresh["quantiles"], [[-INITIAL_SCALE, 0, INITIAL_SCALE]] * CHANNELS)
    x = jnp.broadcast_to(jnp.array([[-INITIAL_SCALE], [0.0], [INITIAL_SCALE], [3 * INITIAL_SCALE]]), (4, CHANNELS))
    steps = np.diff(np.float64(logits(fresh, x)), axis=0)
    np.testing.assert_allclose(steps, [[1.0] * CHANNELS, [1.0] * CHANNELS, [2.0] * CHANNELS], rtol=1e-5)
