import math

import jax
import jax.numpy as jnp
import numpy as np

from cca_jax.ops.layers.normalization import layer_norm


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape, np.float32))


def test_it_standardizes_the_channels_of_every_position():
    x = 3 * normal(0, 2, 3, 4, 16) + 5
    out = np.float64(layer_norm(x, jnp.ones(16), jnp.zeros(16)))
    np.testing.assert_allclose(out.mean(-1), np.zeros((2, 3, 4)), atol=1e-6)
    np.testing.assert_allclose(out.var(-1), np.ones((2, 3, 4)), rtol=1e-5)


def test_it_keeps_small_signals_small():
    x = jnp.tile(jnp.array([1e-4, -1e-4]), (1, 2, 2, 1))
    out = layer_norm(x, jnp.ones(2), jnp.zeros(2))
    np.testing.assert_allclose(np.abs(out), 1e-4 / math.sqrt(1e-8 + 1e-6), rtol=1e-4)  # the ε is under the root


def test_its_gradients_are_those_of_its_definition():
    def defined(x, scale, bias):
        centered = x - x.mean(-1, keepdims=True)
        normalized = centered / jnp.sqrt(jnp.square(centered).mean(-1, keepdims=True) + 1e-6)
        return normalized * scale[None, None, None] + bias[None, None, None]

    arguments, cotangent = (normal(0, 2, 3, 4, 8), normal(1, 8), normal(2, 8)), normal(3, 2, 3, 4, 8)
    expected, actual = (jax.vjp(function, *arguments)[1](cotangent) for function in (defined, layer_norm))
    for a, b in zip(expected, actual, strict=True):
        np.testing.assert_allclose(b, a, atol=1e-5 * np.abs(a).max())
