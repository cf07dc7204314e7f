import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.ops.likelihoods.density import (
    LIKELIHOOD_FLOOR,
    SCALE_FLOOR,
    FactorizedParameters,
    factorized_likelihood,
    factorized_logits,
    gaussian_likelihood,
    laplacian_likelihood,
)

WIDTHS = (1, 3, 3, 3, 3, 1)


def exact_gaussian(distance, scale):
    """The probability of the unit bin in double precision, in the lower tail."""
    upper, lower = ((side - abs(distance)) / (scale * math.sqrt(2)) for side in (0.5, -0.5))
    return (math.erfc(-upper) - math.erfc(-lower)) / 2


def parameters(channels=3, seed=0, symmetric=False):
    """Random ones, as steep as after training; symmetric ones have logit(-x) = -logit(x) exactly."""
    generator = np.random.default_rng(seed)
    draw = lambda *shape: jnp.asarray(generator.standard_normal(shape, np.float32))  # noqa: E731
    layers = range(len(WIDTHS) - 1)
    zero = 0.0 if symmetric else 1.0
    return FactorizedParameters(
        tuple(draw(channels, WIDTHS[i + 1], WIDTHS[i]) - 0.5 for i in layers),
        tuple(zero * draw(channels, WIDTHS[i + 1]) for i in layers),
        tuple(zero * draw(channels, WIDTHS[i + 1]) for i in layers[:-1]),
    )


def exact_logits(x, parameters):
    """The definition, one channel and one number at a time, in double precision."""
    result = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        v = np.array([x[place]], np.float64)
        for layer, (matrix, bias) in enumerate(zip(parameters.matrices, parameters.biases, strict=True)):
            v = np.logaddexp(0, np.float64(matrix[place[-1]])) @ v + np.float64(bias[place[-1]])
            if layer < len(parameters.factors):
                v = v + np.tanh(np.float64(parameters.factors[layer][place[-1]])) * np.tanh(v)
        result[place] = v[0]
    return result


@pytest.mark.parametrize("scale", [0.11, 0.3, 1.0, 7.5, 256.0])
def test_gaussian_likelihood_equals_double_precision_into_the_tails(scale):
    distance = np.float32(np.linspace(0, 6 * scale + 1, 97))
    actual = gaussian_likelihood(jnp.asarray(distance), jnp.zeros(97), jnp.full(97, scale))
    expected = [max(exact_gaussian(float(d), np.float64(np.float32(scale))), LIKELIHOOD_FLOOR) for d in distance]
    assert min(expected) < 1e-8
    # A wide bin is the small difference of two cumulatives.
    np.testing.assert_allclose(actual, expected, rtol=3e-5 + 1e-6 * scale)


@pytest.mark.parametrize("likelihood", [gaussian_likelihood, laplacian_likelihood])
@pytest.mark.parametrize("scale", [0.11, 0.5, 3.0, 40.0])
def test_likelihoods_of_all_integers_sum_to_one(likelihood, scale):
    integers = jnp.arange(-400.0, 401.0)
    actual = likelihood(integers, jnp.full(801, 0.37), jnp.full(801, scale))
    assert abs(float(np.float64(actual).sum()) - 1) < 5e-6


def test_gaussian_likelihood_is_symmetric_and_depends_on_the_distance_alone():
    distance, scale = jnp.linspace(0, 8, 33), jnp.full(33, 1.3)
    mean = jnp.full(33, 0.25)
    right, left = (gaussian_likelihood(mean + sign * distance, mean, scale) for sign in (1, -1))
    np.testing.assert_array_equal(right, left)
    assert (np.diff(right) <= 0).all()


def test_gaussian_likelihood_has_its_floors():
    y, zero = jnp.array([0.0, 0.6, 50.0, 1e6]), jnp.zeros(4)
    narrow = gaussian_likelihood(y, zero, jnp.full(4, -3.0))
    np.testing.assert_array_equal(narrow, gaussian_likelihood(y, zero, jnp.full(4, SCALE_FLOOR)))
    np.testing.assert_array_equal(narrow[2:], np.float32([1e-9, 1e-9]))
    assert 0.999 < narrow[0] <= 1


@pytest.mark.parametrize("likelihood", [gaussian_likelihood, laplacian_likelihood])
def test_gradients_of_a_rate_pull_towards_the_value_and_stay_finite(likelihood):
    def rate(mean, scale, y):
        return -jnp.log2(likelihood(y, mean, scale)).sum()

    y = jnp.array([3.0, -3.0, 1e4, 0.0, 0.0])
    scale = jnp.array([1.0, 1.0, 1.0, 0.01, 5.0])
    to_mean, to_scale = jax.grad(rate, (0, 1))(jnp.zeros(5), scale, y)
    assert np.isfinite(to_mean).all()
    assert np.isfinite(to_scale).all()
    assert to_mean[0] < 0 < to_mean[1]
    assert to_scale[0] < 0  # wider would be cheaper
    assert to_scale[3] == 0  # narrower would be, but the scale is below its bound
    assert to_scale[4] > 0


@pytest.mark.parametrize("scale", [0.11, 0.5, 3.0, 40.0, 256.0])
def test_laplacian_likelihood_is_the_integral_over_the_bin(scale):
    distance = np.float32(np.linspace(0, 10.5 * scale + 1, 97))

    def cumulative(x):
        return 0.5 * math.exp(2 * x / scale) if x < 0 else 1 - 0.5 * math.exp(-2 * x / scale)

    mean, spread = jnp.full(97, 0.25), jnp.full(97, scale)
    right, left = (laplacian_likelihood(mean + sign * distance, mean, spread) for sign in (1, -1))
    expected = [max(cumulative(0.5 - float(d)) - cumulative(-0.5 - float(d)), LIKELIHOOD_FLOOR) for d in distance]
    assert min(expected) == LIKELIHOOD_FLOOR
    np.testing.assert_allclose(right, expected, rtol=1e-4)
    np.testing.assert_allclose(right, left, rtol=1e-5)


@pytest.mark.parametrize(("likelihood", "outside"), [(gaussian_likelihood, 1e-5), (laplacian_likelihood, 2e-4)])
def test_a_bin_of_the_narrowest_density_holds_nearly_everything(likelihood, outside):
    at_mean, far = likelihood(jnp.array([0.0, 1e4]), jnp.zeros(2), jnp.array([0.0, 0.2]))
    assert 1 - outside < at_mean <= 1
    assert far == np.float32(LIKELIHOOD_FLOOR)


def test_factorized_logits_equal_the_definition():
    x = np.random.default_rng(1).normal(0, 4, (4, 2, 3)).astype(np.float32)
    actual = factorized_logits(jnp.asarray(x), parameters())
    expected = exact_logits(x, parameters())
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_factorized_logits_increase_whatever_the_parameters(seed):
    x = jnp.broadcast_to(jnp.linspace(-20, 20, 401)[:, None], (401, 3))
    assert (np.diff(factorized_logits(x, parameters(seed=seed)), axis=0) > 0).all()


def test_factorized_likelihood_is_the_difference_of_two_sigmoids():
    x = np.float32(np.arange(-9, 10)[:, None] + np.array([[0.0, 0.3, -0.4]]))
    lower, upper = (exact_logits(np.float64(x) + side, parameters()) for side in (-0.5, 0.5))
    flip = lower + upper > 0  # in double precision, too, the difference of two ones is lost
    lower, upper = np.where(flip, -upper, lower), np.where(flip, -lower, upper)
    expected = np.maximum(1 / (1 + np.exp(-upper)) - 1 / (1 + np.exp(-lower)), LIKELIHOOD_FLOOR)
    actual = factorized_likelihood(jnp.asarray(x), parameters())
    assert expected.min() == LIKELIHOOD_FLOOR
    assert ((expected > LIKELIHOOD_FLOOR) & (expected < 1e-6)).any()
    np.testing.assert_allclose(actual, expected, rtol=1e-4)


def test_factorized_likelihoods_of_all_integers_sum_to_one():
    x = jnp.broadcast_to(jnp.arange(-500.0, 501.0)[:, None], (1001, 3)) + jnp.array([[0.0, 0.2, -0.45]])
    actual = np.float64(factorized_likelihood(x, parameters())).sum(0)
    np.testing.assert_allclose(actual, [1, 1, 1], atol=1e-5)


def test_a_bin_in_the_very_middle_keeps_its_mass():
    middle = parameters(symmetric=True)
    lower, upper = factorized_logits(jnp.array([[-0.5] * 3, [0.5] * 3]), middle)
    np.testing.assert_array_equal(lower, -upper)  # the case at stake: neither side is the smaller one
    actual = factorized_likelihood(jnp.zeros((1, 3)), middle)
    np.testing.assert_allclose(actual[0], np.tanh(np.float64(upper) / 2), rtol=1e-5)
    assert (actual > 0.01).all()
