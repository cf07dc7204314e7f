"""The kernels, interpreted on the CPU, against the block that defines them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.blocks.layers import NAFBlock
from cca_jax.ops.gpu.fused.naf_block import naf_block


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape, np.float32))


def made(*shape):
    """Parameters that are all different from their first values, and an input."""
    x = normal(0, *shape)
    params = NAFBlock().init(jax.random.key(0), x)["params"]
    leaves, tree = jax.tree.flatten(params)
    drawn = [leaf + 0.3 * normal(1 + place, *leaf.shape) for place, leaf in enumerate(leaves)]
    return jax.tree.unflatten(tree, drawn), x


@partial(jax.jit, static_argnums=0)
def with_gradients(block, params, x):
    value, pullback = jax.vjp(block, params, x)
    return value, pullback(jnp.cos(jnp.arange(value.size, dtype=jnp.float32)).reshape(value.shape).astype(value.dtype))


def defined(params, x):
    return NAFBlock().apply({"params": params}, x)


fused = partial(naf_block, interpret=True)


# Several images, squares in both directions and pieces of the channels; pieces of 64 and 16; one small square.
@pytest.mark.parametrize("shape", [(2, 24, 24, 48), (1, 8, 8, 80), (1, 4, 4, 32)])
def test_values_and_all_gradients_are_those_of_the_definition(shape):
    params, x = made(*shape)
    found, expected = with_gradients(fused, params, x), with_gradients(defined, params, x)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5 * np.abs(b).max()), found, expected)


def test_in_bfloat16_they_are_as_close_to_float32_as_the_definition_is():
    params, x = made(1, 4, 4, 32)
    exact = with_gradients(defined, params, x)

    def errors(block):
        found = with_gradients(block, params, x.astype(jnp.bfloat16))
        assert found[0].dtype == found[1][1].dtype == jnp.bfloat16
        assert {leaf.dtype for leaf in jax.tree.leaves(found[1][0])} == {jnp.dtype("float32")}
        pairs = zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True)
        return np.array([np.linalg.norm(a.astype(b.dtype) - b) / np.linalg.norm(b) for a, b in pairs])

    assert np.all(errors(fused) < np.maximum(1.5 * errors(defined), 0.01))


def test_they_can_be_run_side_by_side_and_computed_again():
    params, x = made(1, 4, 4, 32)
    both = jax.tree.map(lambda v: jnp.stack([v, 0.5 * v]), (params, x))
    block = jax.checkpoint(fused)
    found = jax.jit(jax.vmap(lambda params, x: with_gradients(block, params, x)))(*both)
    for member in range(2):
        expected = with_gradients(defined, *jax.tree.map(lambda v, i=member: v[i], both))
        jax.tree.map(
            lambda a, b, i=member: np.testing.assert_allclose(a[i], b, rtol=1e-4, atol=2e-5 * np.abs(b).max()),
            found, expected,
        )  # fmt: skip
