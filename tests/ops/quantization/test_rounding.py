import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.ops.quantization.rounding import lower_bound, quantize_around, round_straight_through, scale_gradient


def test_rounds_to_the_nearest_integer_and_ties_to_even():
    x = jnp.array([-2.5, -1.5, -0.5, -0.49, 0.5, 0.51, 1.5, 2.5])
    np.testing.assert_array_equal(round_straight_through(x), [-2, -2, 0, 0, 0, 1, 2, 2])


def test_rounding_has_the_gradient_of_the_identity_in_both_modes():
    x, weight = jnp.array([0.2, 1.5, -3.7]), jnp.array([2.0, -1.0, 0.5])
    np.testing.assert_array_equal(jax.grad(lambda v: (weight * round_straight_through(v)).sum())(x), weight)
    value, tangent = jax.jvp(round_straight_through, (x,), (weight,))
    np.testing.assert_array_equal(tangent, weight)
    np.testing.assert_array_equal(value, [0, 2, -4])


def test_quantize_around_gives_exact_values_on_the_grid_of_the_center():
    x, center = jnp.array([0.9, 0.9, -2.0, 7.75]), jnp.array([0.25, 0.5, 0.75, -0.25])
    np.testing.assert_array_equal(quantize_around(x, center), [1.25, 0.5, -2.25, 7.75])


def test_quantize_around_trains_the_value_and_not_the_center():
    x, center, weight = jnp.array([0.9, -4.2]), jnp.array([0.3, 11.7]), jnp.array([3.0, -0.5])
    to_x, to_center = jax.grad(lambda v, c: (weight * quantize_around(v, c)).sum(), (0, 1))(x, center)
    np.testing.assert_array_equal(to_x, weight)
    np.testing.assert_array_equal(to_center, [0, 0])


@pytest.mark.parametrize(
    ("x", "cotangent", "expected"),
    [
        (0.5, 2.0, 2.0),  # above the bound everything passes
        (0.5, -2.0, -2.0),
        (0.11, 2.0, 2.0),  # at the bound too
        (0.05, 2.0, 0.0),  # below it descent may not push further down
        (0.05, -2.0, -2.0),  # but it may raise
    ],
)
def test_gradient_of_lower_bound_is_one_sided(x, cotangent, expected):
    bound = float(np.float32(0.11))
    value, pullback = jax.vjp(lambda v: lower_bound(v, bound), jnp.float32(x))
    assert float(value) == max(np.float32(x), np.float32(bound))
    assert float(pullback(jnp.float32(cotangent))[0]) == expected


@pytest.mark.parametrize("factor", [1.0, 0.0, -0.5])
def test_scale_gradient_is_the_identity_with_a_scaled_gradient(factor):
    x, weight = jnp.array([1.0, -2.0]), jnp.array([4.0, 6.0])
    value, pullback = jax.vjp(lambda v, f: scale_gradient(v, f), x, jnp.float32(factor))
    to_x, to_factor = pullback(weight)
    np.testing.assert_array_equal(value, x)
    np.testing.assert_array_equal(to_x, factor * weight)
    assert float(to_factor) == 0
