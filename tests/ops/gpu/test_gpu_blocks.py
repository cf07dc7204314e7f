"""The blocks for GPUs against those that define them, on the CPU."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.blocks.layers import NAFBlock, ResidualBottleneck
from cca_jax.model.blocks.stacks import BlockStack
from cca_jax.ops import platform


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape, np.float32))


def made(block, remat=False):
    """A run of two blocks, parameters that are all different from their first values, and an input."""
    model, x = BlockStack(block, 2, remat), normal(0, 2, 8, 6, 4)
    params = model.init(jax.random.key(0), x)
    leaves, tree = jax.tree.flatten(params)
    drawn = [leaf + 0.5 * normal(1 + place, *leaf.shape) for place, leaf in enumerate(leaves)]
    return model, jax.tree.unflatten(tree, drawn), x


def value_and_gradients(model, params, x):
    value, pullback = jax.vjp(model.apply, params, x)
    return value, pullback(normal(9, *value.shape).astype(value.dtype))


@pytest.mark.parametrize("remat", [False, True])
@pytest.mark.parametrize("block", [NAFBlock, ResidualBottleneck])
def test_values_and_gradients_are_those_of_the_definition(block, remat, monkeypatch):
    model, params, x = made(block, remat)
    expected = value_and_gradients(model, params, x)
    monkeypatch.setattr(platform, "on_gpu", lambda: True)
    actual = value_and_gradients(model, params, x)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max()), actual, expected
    )


@pytest.mark.parametrize("block", [NAFBlock, ResidualBottleneck])
def test_in_bfloat16_they_are_as_close_to_float32_as_the_definition_is(block, monkeypatch):
    model, params, x = made(block)
    exact = value_and_gradients(model, params, x)

    def errors():
        actual = value_and_gradients(model, params, x.astype(jnp.bfloat16))
        pairs = zip(jax.tree.leaves(actual), jax.tree.leaves(exact), strict=True)
        return np.array([np.linalg.norm(a.astype(b.dtype) - b) / np.linalg.norm(b) for a, b in pairs])

    plain = errors()
    monkeypatch.setattr(platform, "on_gpu", lambda: True)
    assert np.all(errors() < np.maximum(2.5 * plain, 0.02))


def test_they_can_be_run_side_by_side(monkeypatch):
    model, params, x = made(NAFBlock)
    monkeypatch.setattr(platform, "on_gpu", lambda: True)
    both = jax.tree.map(lambda v: jnp.stack([v, 2 * v]), (params, x))
    actual = jax.vmap(model.apply)(*both)
    for member in range(2):
        one = jax.tree.map(lambda v, i=member: v[i], both)
        np.testing.assert_allclose(actual[member], model.apply(*one), rtol=1e-4, atol=1e-4)
