"""Activations narrower than the parameters: results in the activations' type, gradients summed in the parameters'."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.ops.layers.convolution import conv2d, depthwise_conv2d, transposed_conv2d
from cca_jax.ops.layers.normalization import layer_norm
from cca_jax.ops.precision import add_channels, narrow

OPERATIONS = {
    "pointwise": (lambda x, w: conv2d(x, w), (1, 1, 4, 6)),
    "3×3": (lambda x, w: conv2d(x, w), (3, 3, 4, 6)),
    "halving": (lambda x, w: conv2d(x, w, 2), (5, 5, 4, 6)),
    "doubling": (lambda x, w: transposed_conv2d(x, w, 2), (5, 5, 4, 6)),
    "depthwise": (depthwise_conv2d, (3, 3, 4)),
    "layer norm": (lambda x, scale: layer_norm(x, scale, scale), (4,)),
    "add": (add_channels, (4,)),
}


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape, np.float32))


def test_narrow_changes_float32_alone():
    x = jnp.array([1.0, 1.0 + 2**-20])
    assert narrow(x, jnp.float32) is x
    assert narrow(x, jnp.bfloat16).dtype == jnp.bfloat16
    assert narrow(x.astype(jnp.float16), jnp.bfloat16).dtype == jnp.float16


@pytest.mark.parametrize(("function", "shape"), OPERATIONS.values(), ids=OPERATIONS)
def test_bfloat16_is_near_float32_and_its_gradients_are_float32(function, shape):
    x, weights = normal(0, 2, 16, 16, 4).astype(jnp.bfloat16), normal(1, *shape)
    cotangent = normal(2, *jax.eval_shape(function, x, weights).shape).astype(jnp.bfloat16)

    @jax.jit
    def run(x, cotangent):
        output, pullback = jax.vjp(function, x, weights)
        return output, pullback(cotangent)

    exact = run(x.astype(jnp.float32), cotangent.astype(jnp.float32))
    outputs, gradients = zip(exact, run(x, cotangent), strict=True)
    assert outputs[1].dtype == gradients[1][0].dtype == jnp.bfloat16
    assert gradients[1][1].dtype == jnp.float32
    for expected, found, tolerance in (
        (outputs[0], outputs[1], 2**-6),
        (gradients[0][0], gradients[1][0], 2**-6),
        # Every product of bfloat16 numbers is exact in float32: what differs is the order of the sum alone.
        (gradients[0][1], gradients[1][1], 1e-6),
    ):
        largest = jnp.abs(expected).max()
        np.testing.assert_allclose(found.astype(jnp.float32) / largest, expected / largest, atol=tolerance)
