import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.ops.layers.dense import dense


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape, np.float32))


def plain(x, matrix, bias, residual=None):
    product = jnp.einsum("bhwi,bio->bhwo" if matrix.ndim == 3 else "bhwi,io->bhwo", x, matrix)
    return product + bias[None, None, None] + (0 if residual is None else residual)


def pulled_back(function, *arguments):
    value, pullback = jax.vjp(function, *arguments)
    return value, pullback(normal(9, *value.shape))


@pytest.mark.parametrize("images", [(), (2,)])
@pytest.mark.parametrize("residual", [(), (normal(3, 2, 3, 5, 6),)])
def test_value_and_gradients_are_those_of_the_plain_function(images, residual):
    arguments = normal(0, 2, 3, 5, 4), normal(1, *images, 4, 6), normal(2, 6), *residual
    actual, expected = pulled_back(dense, *arguments), pulled_back(plain, *arguments)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), actual, expected)


def test_gradients_to_parameters_are_summed_in_their_type():
    ones = jnp.ones((1, 64, 64, 1), jnp.bfloat16)  # 4096 of them: bfloat16 would stop counting at 256
    _, pullback = jax.vjp(dense, ones, jnp.ones((1, 1)), jnp.ones(1))
    to_x, to_matrix, to_bias = pullback(ones)
    assert to_x.dtype == jnp.bfloat16
    assert (to_matrix.dtype, to_bias.dtype) == (jnp.float32, jnp.float32)
    assert (to_matrix.item(), to_bias.item()) == (4096, 4096)
