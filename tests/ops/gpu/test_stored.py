import jax
import jax.numpy as jnp
import numpy as np

from cca_jax.ops.gpu.gated import gated_depthwise
from cca_jax.ops.gpu.stored import stored


def test_what_is_stored_is_the_same_array():
    x = jnp.arange(24.0).reshape(1, 2, 3, 4)
    np.testing.assert_array_equal(jax.jit(stored)(x), x)
    np.testing.assert_array_equal(jax.vmap(stored)(x[None]), x[None])


def test_every_array_that_a_gated_convolution_stores_has_its_channels_last():
    def gradient(x, kernel, bias):
        value, pullback = jax.vjp(gated_depthwise, x, kernel, bias)
        return value, pullback(value)

    def side_by_side(x, kernel, bias):
        return jax.vmap(gradient)(x[None], kernel[None], bias[None])

    arguments = jnp.ones((1, 8, 8, 6)), jnp.ones((3, 3, 6)), jnp.ones(6)
    for function, rank in ((gradient, 4), (side_by_side, 5)):
        text = jax.jit(function).lower(*arguments).as_text()
        constraints = [line for line in text.splitlines() if "@LayoutConstraint" in line]
        axes = ", ".join(str(axis) for axis in range(rank)[::-1])
        assert all(f"result_layouts = [dense<[{axes}]>" in line for line in constraints)
        # The gate, what is summed, the gradient to x, and ten sums; JAX 0.5 states no layouts.
        assert len(constraints) in (0, 13)
