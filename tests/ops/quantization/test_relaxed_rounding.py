"""Annealed rounding: its limits, its gradient, and how often it draws which integer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.ops.quantization.relaxed_rounding import annealed_round, logistic_noise

VALUES = jnp.array([-2.9, -1.2, -0.4, 0.0, 0.3, 0.49, 0.51, 1.0, 3.7])


def test_cold_and_without_noise_it_rounds():
    rounded = annealed_round(VALUES, jnp.float32(0.01), jnp.zeros_like(VALUES))
    np.testing.assert_allclose(rounded, jnp.round(VALUES), atol=1e-3)


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_it_lies_between_the_integers_around(temperature):
    noise = logistic_noise(jax.random.key(0), VALUES.shape)
    soft = annealed_round(VALUES, jnp.float32(temperature), noise)
    assert bool(((soft >= jnp.floor(VALUES)) & (soft <= jnp.floor(VALUES) + 1)).all())


def test_the_upper_integer_is_drawn_as_often_as_the_softmax_says():
    temperature, part, count = 0.5, 0.4, 20000
    noise = logistic_noise(jax.random.key(1), (count,))
    drawn = annealed_round(jnp.full(count, part), jnp.float32(temperature), noise) > 0.5
    odds = np.exp((np.arctanh(part) - np.arctanh(1 - part)) / temperature)
    assert abs(float(drawn.mean()) - odds / (1 + odds)) < 0.02


def test_gradients_are_those_of_the_share_and_finite_everywhere():
    value = lambda x: annealed_round(x, jnp.float32(0.3), jnp.zeros_like(x)).sum()  # noqa: E731
    inner, step = jnp.array([0.3, -1.4, 2.6]), 1e-3
    numeric = [(value(x + step) - value(x - step)) / (2 * step) for x in inner[:, None]]
    np.testing.assert_allclose(jax.grad(value)(inner), numeric, rtol=1e-2)
    assert bool(jnp.isfinite(jax.grad(value)(VALUES)).all())
