import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.ops.quantization.rounding import round_straight_through
from cca_jax.ops.quantization.step_sizes import from_steps, interpolate_rows, to_steps


def draw(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(0, 3, shape), jnp.float32)


X, MEAN, STEP = draw(0, 2, 3, 3, 4), draw(1, 2, 3, 3, 4), jnp.exp(0.3 * draw(2, 2, 1, 1, 4))


@pytest.mark.parametrize("step", [None, STEP])
def test_there_and_back(step):
    np.testing.assert_allclose(from_steps(to_steps(X, MEAN, step), MEAN, step), X, rtol=1e-5, atol=1e-5)
    error = np.abs(from_steps(jnp.round(to_steps(X, MEAN, step)), MEAN, step) - X)
    assert (error <= (0.5 if step is None else step / 2) + 1e-5).all()


def test_gradients_of_rounded_steps():
    def rounded(x, mean, step):
        return from_steps(round_straight_through(to_steps(x, mean, step)), mean, step)

    value, pullback = jax.vjp(rounded, X, MEAN, STEP)
    to_x, to_mean, to_step = pullback(jnp.ones_like(X))
    np.testing.assert_allclose(to_x, 1, rtol=1e-5)
    np.testing.assert_allclose(to_mean, 0, atol=1e-5)
    errors = (value - X) / STEP
    np.testing.assert_allclose(to_step, errors.sum((1, 2), keepdims=True), rtol=1e-3, atol=1e-4)


def test_interpolation_meets_its_rows_and_is_straight_between():
    table = draw(3, 4, 5)
    np.testing.assert_array_equal(interpolate_rows(table, jnp.arange(4.0)), table)
    between = interpolate_rows(table, jnp.array([1.25]))[0]
    np.testing.assert_allclose(between, 0.75 * table[1] + 0.25 * table[2], rtol=1e-5)
