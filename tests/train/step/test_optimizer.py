"""Adam on one vector."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from train.step.optimizer import advance_adam, initial_adam


def test_three_steps_equal_those_of_optax():
    generator = np.random.default_rng(0)
    params = jnp.asarray(generator.normal(size=37), jnp.float32)
    theirs, ours = optax.adam(1e-2), initial_adam(params)
    expected, state = params, theirs.init(params)
    for _ in range(3):
        gradient = jnp.asarray(generator.normal(size=37), jnp.float32)
        update, state = theirs.update(gradient, state)
        expected = optax.apply_updates(expected, update)
        change, ours = jax.jit(advance_adam)(gradient, ours, 1e-2, jnp.array(True))
        params -= change
        np.testing.assert_allclose(params, expected, atol=1e-6)
    np.testing.assert_allclose(ours.nu, state[0].nu, rtol=1e-6)
    assert int(ours.count) == int(state[0].count) == 3


def test_a_gradient_that_is_not_finite_changes_nothing():
    state = advance_adam(jnp.ones(5), initial_adam(jnp.ones(5)), 1e-2, jnp.array(True))[1]
    change, after = advance_adam(jnp.full(5, jnp.nan), state, 1e-2, jnp.array(False))
    np.testing.assert_array_equal(change, np.zeros(5))
    assert all(map(np.array_equal, *map(jax.tree.leaves, (state, after))))
