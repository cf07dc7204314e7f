"""Every optimizer by name: it descends, skips what is not finite, and sees a vector only where that is the same."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from train.recipe.optimizers import optimizer_names
from train.step.optimizers.layout import pack, unpack
from train.step.optimizers.optimizer import Optimizer


def begin():
    generator = np.random.default_rng(0)
    return {name: jnp.asarray(generator.normal(size=size), jnp.float32) for name, size in (("a", (2, 8)), ("b", 4))}


def loss(params):
    return sum((value**2).sum() for value in params.values())


def descend(optimizer, layout, steps, spoiled=()):
    """Parameters and state after steps of (learning rate 0.01) on a bowl."""
    params = begin()
    state = optimizer.at(0.0).init(pack(params, layout))

    @jax.jit
    def step(params, state, rate, finite):
        gradient = jax.tree.map(lambda g: jnp.where(finite, g, jnp.nan), pack(jax.grad(loss)(params), layout))
        change, state = optimizer.at(rate).update(gradient, state, pack(params, layout), finite=finite)
        return jax.tree.map(jnp.add, params, unpack(change, params)), state

    for number in range(steps):
        params, state = step(params, state, jnp.float32(0.01), number not in spoiled)
    return params, state


@pytest.mark.parametrize("name", optimizer_names())
def test_it_descends_and_skips_in_every_layout_it_may_see(name):
    optimizer = Optimizer(name)
    params, state = descend(optimizer, "arrays", 3)
    assert loss(params) < loss(begin())
    skipped = descend(optimizer, "arrays", 4, spoiled=(1,))
    jax.tree.map(np.testing.assert_array_equal, skipped, (params, state))
    if optimizer.elementwise:
        vector, _ = descend(optimizer, "vector", 3)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), vector, params)


def test_options_are_taken():
    plain, decayed = (descend(Optimizer("adamw", options), "arrays", 2)[0] for options in ("", "weight_decay=10"))
    assert float(jnp.abs(decayed["a"]).sum()) < 0.95 * float(jnp.abs(plain["a"]).sum())


def test_it_is_static_under_jit():
    assert hash(Optimizer("sgd")) == hash(Optimizer("sgd"))
    assert dataclasses.replace(Optimizer(), name="sgd") == Optimizer("sgd")
