"""Layers of integers: the same integers by every way of computing them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.integer_network.arithmetic import (
    FRACTION_BITS,
    LARGEST,
    bounded,
    integer_bias,
    integer_conv,
    integer_kernel,
    snapped,
)

CHANNELS = 112


def by_hand(x, kernel, bias, input_bits, output_bits=FRACTION_BITS):
    """The layer in 64-bit integers, with a loop over the taps."""
    x, kernel, bias = (np.asarray(array).astype(np.int64) for array in (x, kernel, bias))
    height, width = x.shape[1:3]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    total = np.broadcast_to(bias << (input_bits + FRACTION_BITS - output_bits), (*x.shape[:3], len(bias))).copy()
    for row in range(3):
        for column in range(3):
            total += padded[:, row : row + height, column : column + width] @ kernel[row, column]
    shift = 8 + input_bits - output_bits
    return np.rint(total / 2**shift), np.abs(total).max()  # exact: float64 holds every such number


def layer(seed, channels=CHANNELS):
    generator = np.random.default_rng(seed)
    x = generator.integers(-LARGEST, LARGEST + 1, (2, 5, 4, channels)).astype(np.float32)
    kernel = generator.normal(0, 0.3, (3, 3, channels, 8)).astype(np.float32)
    bias = generator.normal(0, 4, 8).astype(np.float32)
    return jnp.asarray(x), jnp.asarray(kernel), jnp.asarray(bias)


@pytest.mark.parametrize("bits", [(0, FRACTION_BITS), (FRACTION_BITS, FRACTION_BITS), (FRACTION_BITS, 0)])
def test_random_layers_equal_64_bit_integers(bits):
    x, kernel, bias = layer(0)
    expected, _ = by_hand(x, integer_kernel(kernel), integer_bias(bias), *bits)
    np.testing.assert_array_equal(integer_conv(x, kernel, bias, *bits), expected)
    np.testing.assert_array_equal(jax.jit(integer_conv, static_argnums=(3, 4))(x, kernel, bias, *bits), expected)


@pytest.mark.parametrize("signs", ["equal", "random"])
def test_the_largest_sums_are_exact(signs):
    shape = (3, 3, CHANNELS, 8)
    sign = np.ones(shape) if signs == "equal" else np.random.default_rng(1).choice([-1, 1], shape)
    kernel, bias = jnp.asarray(9 * sign, jnp.float32), jnp.full(8, 99.0)
    x = jnp.full((1, 4, 4, CHANNELS), float(LARGEST))
    expected, largest = by_hand(x, integer_kernel(kernel), integer_bias(bias), FRACTION_BITS, 0)
    np.testing.assert_array_equal(integer_conv(x, kernel, bias, FRACTION_BITS, 0), expected)
    if signs == "equal":
        assert largest == 9 * CHANNELS * 127**2 + 256 * 1023
        assert 2**24 * 0.95 < largest < 2**24


def test_the_order_of_summation_and_narrow_factors_change_nothing():
    x, kernel, bias = layer(2)
    order = np.random.default_rng(3).permutation(CHANNELS)
    expected = integer_conv(x, kernel, bias, 0)
    permuted = integer_conv(x[..., order], kernel[:, :, order], bias, 0)
    np.testing.assert_array_equal(permuted, expected)
    with jax.default_matmul_precision("bfloat16"):
        np.testing.assert_array_equal(jax.jit(integer_conv, static_argnums=3)(x, kernel, bias, 0), expected)
    for factors in (x, integer_kernel(kernel)):  # what a matrix unit of bfloat16 would be given
        np.testing.assert_array_equal(factors.astype(jnp.bfloat16).astype(jnp.float32), factors)


def test_sums_that_might_not_be_exact_are_refused():
    with pytest.raises(ValueError, match=r"sums over 128 channels may reach 2\*\*24"):
        integer_conv(jnp.zeros((1, 2, 2, 128)), jnp.zeros((3, 3, 128, 1)), jnp.zeros(1), 0)


@pytest.mark.parametrize("leaf", ["kernel", "bias"])
def test_snapped_numbers_are_exact_in_half_precision_and_stay(leaf):
    integers = {"kernel": integer_kernel, "bias": integer_bias}[leaf]
    values = jnp.asarray(np.random.default_rng(4).normal(0, 6, (3, 3, 5, 7)[-4 if leaf == "kernel" else -1 :]))
    values = values.astype(jnp.float32)
    once = snapped(values, leaf)
    np.testing.assert_array_equal(once.astype(jnp.float16).astype(jnp.float32), once)
    np.testing.assert_array_equal(snapped(once, leaf), once)
    np.testing.assert_array_equal(integers(once), integers(values))


def test_gradients_pass_rounding_and_come_back_from_beyond_the_bounds():
    x = jnp.array([-3.0, -3.0, 0.4, 200.0, 200.0])
    weights = jnp.array([1.0, -1.0, 1.0, 1.0, -1.0])  # descent lowers x where its weight is above 0
    gradient = jax.grad(lambda x: (bounded(x, 0, LARGEST) * weights).sum())(x)
    np.testing.assert_array_equal(gradient, [0, -1, 1, 1, 0])
    inputs, kernel, bias = layer(5, channels=3)
    actual = jax.grad(lambda k, b: integer_conv(inputs, k, b, 0).sum(), (0, 1))(0.1 * kernel, 0.1 * bias)
    assert all((np.abs(array) > 0).all() for array in actual)
