import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.ops.gpu.gated import gate, gated_depthwise
from cca_jax.ops.layers.convolution import depthwise_conv2d


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape, np.float32))


def pulled_back(function, *arguments):
    value, pullback = jax.vjp(function, *arguments)
    return value, pullback(normal(9, *value.shape))


def assert_same(found, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), found, expected)


def plain_gate(x):
    first, second = jnp.split(x, 2, axis=-1)
    return first * second


def plain(x, kernel, bias):
    return plain_gate(depthwise_conv2d(x, kernel) + bias[None, None, None])


def test_gate():
    x = normal(0, 2, 3, 4, 6)
    assert_same(pulled_back(gate, x), pulled_back(plain_gate, x))


@pytest.mark.parametrize("sides", [(16, 8), (6, 4), (5, 7)])
def test_the_gated_convolution_is_convolution_bias_and_gate(sides):
    arguments = normal(0, 2, *sides, 6), normal(1, 3, 3, 6), normal(2, 6)
    assert_same(pulled_back(gated_depthwise, *arguments), pulled_back(plain, *arguments))


def test_gradients_to_parameters_are_summed_in_their_type():
    x, kernel = jnp.ones((1, 64, 64, 2), jnp.bfloat16), jnp.zeros((3, 3, 2)).at[1, 1].set(1)
    value, pullback = jax.vjp(gated_depthwise, x, kernel, jnp.zeros(2))
    to_x, to_kernel, to_bias = pullback(jnp.ones_like(value))
    assert to_x.dtype == value.dtype == jnp.bfloat16
    np.testing.assert_array_equal(to_bias, 64 * 64)  # bfloat16 would stop counting at 256
    np.testing.assert_array_equal(to_kernel[0, 1], 63 * 64)


def test_all_sums_of_the_kernels_gradient_are_one_reduction():
    def gradient(x, kernel, bias):
        return jax.vjp(gated_depthwise, x, kernel, bias)[1](x[..., :3])

    program = str(jax.make_jaxpr(gradient)(normal(0, 1, 8, 8, 6), normal(1, 3, 3, 6), normal(2, 6)))
    assert program.count(" reduce[") == 1
