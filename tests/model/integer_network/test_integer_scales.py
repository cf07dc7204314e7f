"""The network of integers as a whole: indexes that depend on the hyper-latent's integers and on nothing else."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.cca import CCAModel
from cca_jax.model.integer_network.arithmetic import integer_bias, integer_kernel
from cca_jax.model.integer_network.rate import IntegerRate
from cca_jax.model.integer_network.scales import ExactScales
from cca_jax.ops.valid_region import ValidRegion

INTEGERS = np.random.default_rng(0).integers(-40, 41, (1, 3, 2, 4)).astype(np.float32)  # beyond the clip too
RATE = IntegerRate(jnp.full((1, 1, 1, 1), 75.0), jnp.arange(-6.0, 6.0).reshape(1, 1, 1, 12))


@pytest.fixture(scope="module")
def params(micro_lite_params):
    """Drawn ones whose last layer makes much of its input, so that indexes differ."""
    drawn = micro_lite_params["exact_scales"]
    return {**drawn, "last": {**drawn["last"], "kernel": 16 * drawn["last"]["kernel"]}}


@pytest.fixture(scope="module")
def run(micro_lite, params):
    network = ExactScales(micro_lite)
    return lambda x, *arguments: network.apply({"params": params}, x, *arguments)


def in_numpy(params, x, factor=64, shift=0):
    """The three layers in 64-bit integers; halves are rounded to even."""
    x = np.clip(x.astype(np.int64), -127, 127) * factor
    x = np.clip(np.rint(x / 16).astype(np.int64), -127, 127)  # float64 holds these quotients exactly
    for name, input_bits, output_bits in (("first", 2, 4), ("second", 4, 4), ("last", 4, 0)):
        kernel, bias = (np.asarray(f(params[name][leaf])).astype(np.int64) for leaf, f in (
            ("kernel", integer_kernel), ("bias", integer_bias)))  # fmt: skip
        height, width = x.shape[1:3]
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        patches = [padded[:, r : r + height, c : c + width] @ kernel[r, c] for r in range(3) for c in range(3)]
        divisor = 1 << (8 + input_bits - output_bits)
        whole, rest = np.divmod(sum(patches) + (bias << (input_bits + 4 - output_bits)), divisor)
        x = whole + ((2 * rest > divisor) | ((2 * rest == divisor) & (whole % 2 == 1)))
        if name == "last":
            return np.clip(x - np.asarray(shift, np.int64), 0, 63)
        quarters = np.clip(x, 0, 127).reshape(1, height, width, 2, 2, -1)
        x = quarters.transpose(0, 1, 3, 2, 4, 5).reshape(1, 2 * height, 2 * width, -1)
    return x


@pytest.mark.parametrize("integers", [INTEGERS, np.full_like(INTEGERS, 127), np.full_like(INTEGERS, -127)])
def test_indexes_equal_those_of_64_bit_integers(run, params, integers):
    expected = in_numpy(params, integers)
    assert expected.shape == (1, 12, 8, 12)
    np.testing.assert_array_equal(run(jnp.asarray(integers)), expected)
    np.testing.assert_array_equal(jax.jit(run)(integers), expected)
    with jax.default_matmul_precision("bfloat16"):
        np.testing.assert_array_equal(jax.jit(run)(integers), expected)
    if integers is INTEGERS:
        assert len(np.unique(expected)) > 20


def test_a_rate_multiplies_what_goes_in_and_lowers_what_comes_out(run, params):
    expected = in_numpy(params, INTEGERS, 75, RATE.shift)
    np.testing.assert_array_equal(jax.jit(run)(INTEGERS, RATE), expected)
    assert (expected != in_numpy(params, INTEGERS)).any()


def test_what_lies_outside_the_image_is_not_seen(run):
    bucket = np.full((1, 4, 3, 4), 99, np.float32)
    bucket[:, :3, :2] = INTEGERS
    actual = run(jnp.asarray(bucket), None, ValidRegion(jnp.array([3, 2]), (4, 3)))
    np.testing.assert_array_equal(actual[:, :12, :8], run(jnp.asarray(INTEGERS)))


def test_indexes_do_not_depend_on_what_the_other_networks_compute_in(micro_lite, micro_lite_params):
    actual = [
        CCAModel(micro_lite, dtype).apply({"params": micro_lite_params}, jnp.asarray(INTEGERS), method="scale_indexes")
        for dtype in (jnp.float32, jnp.bfloat16)
    ]
    np.testing.assert_array_equal(*actual)
    np.testing.assert_array_equal(actual[0], in_numpy(micro_lite_params["exact_scales"], INTEGERS))
