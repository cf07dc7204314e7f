"""Adam as released: optax's to rounding, in both layouts."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from train.step.optimizers.adam import adam

FINITE, BROKEN = jnp.array(True), jnp.array(False)


def draw(generator):
    return {name: jnp.asarray(generator.normal(size=size), jnp.float32) for name, size in (("a", 37), ("b", (3, 5)))}


@pytest.mark.parametrize("options", [{}, {"b1": 0.5, "b2": 0.9, "eps": 1e-3}])
@pytest.mark.parametrize("layout", ["vector", "arrays"])
def test_three_steps_equal_those_of_optax(layout, options):
    generator = np.random.default_rng(0)
    params = draw(generator)
    params = params["a"] if layout == "vector" else params
    theirs, ours = optax.adam(1e-2, **options), adam(1e-2, **options)
    expected, state, moments = params, theirs.init(params), ours.init(params)
    for _ in range(3):
        gradient = draw(generator)
        gradient = gradient["a"] if layout == "vector" else gradient
        change, state = theirs.update(gradient, state)
        expected = optax.apply_updates(expected, change)
        change, moments = jax.jit(ours.update)(gradient, moments, finite=FINITE)
        params = optax.apply_updates(params, change)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), params, expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), moments.nu, state[0].nu)
    assert int(moments.count) == int(state[0].count) == 3


def test_the_layouts_agree():
    generator, ours = np.random.default_rng(1), adam(1e-2)
    arrays = draw(generator)
    vector, restore = jax.flatten_util.ravel_pytree(arrays)
    states = ours.init(vector), ours.init(arrays)
    for _ in range(2):
        gradient = draw(generator)
        one, first = ours.update(jax.flatten_util.ravel_pytree(gradient)[0], states[0], finite=FINITE)
        each, second = ours.update(gradient, states[1], finite=FINITE)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), restore(one), each)
        states = first, second


def test_a_gradient_that_is_not_finite_changes_nothing():
    ours = adam(1e-2)
    state = ours.update(jnp.ones(5), ours.init(jnp.ones(5)), finite=FINITE)[1]
    change, after = ours.update(jnp.full(5, jnp.nan), state, finite=BROKEN)
    np.testing.assert_array_equal(change, np.zeros(5))
    assert all(map(np.array_equal, *map(jax.tree.leaves, (state, after))))
