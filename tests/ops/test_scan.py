from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from cca_jax.ops.scan import lean_scan, turn_by_turn


def body(carry, turn, constant):
    carry = jnp.tanh(carry @ turn["matrix"] + turn["bias"]) * constant
    return carry, carry.sum() * turn["bias"]


def arguments():
    draw = np.random.default_rng(0).standard_normal
    scanned = {"matrix": jnp.asarray(draw((3, 4, 4))), "bias": jnp.asarray(draw((3, 4)))}
    return jnp.asarray(draw((4,))), scanned


def library(carry, scanned):
    return jax.lax.scan(lambda carry, turn: body(carry, turn, 2.0), carry, scanned)


def lean(carry, scanned):
    return lean_scan(body, carry, scanned, 2.0)


def loss(function, carry, scanned):
    last, outputs = function(carry, scanned)
    return (last**2).sum() + jnp.sin(outputs).sum()


def assert_close(actual, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), actual, expected)


def test_values_and_gradients_are_those_of_a_scan():
    assert_close(lean(*arguments()), library(*arguments()))
    actual, expected = (jax.grad(loss, (1, 2))(function, *arguments()) for function in (lean, library))
    assert_close(actual, expected)


def test_it_can_be_vectorized():
    carry, scanned = arguments()
    actual, expected = (
        jax.vmap(lambda carry, f=function: jax.grad(loss, 2)(f, carry, scanned))(jnp.stack([carry, -carry]))
        for function in (lean, library)
    )
    assert_close(actual, expected)


def test_loops_side_by_side_transpose_no_stack():
    carry, scanned = arguments()
    carries, stacks = jax.tree.map(lambda v: jnp.stack([v, 2 * v]), (carry, scanned))
    actual, expected = (
        jax.vmap(jax.grad(partial(loss, function), (0, 1)))(carries, stacks) for function in (lean, library)
    )
    assert_close(actual, expected)

    def transposes(function):
        program = jax.make_jaxpr(jax.vmap(jax.grad(partial(loss, function), 1)))(carries, stacks)
        return sum(equation.primitive.name == "transpose" for equation in program.eqns)

    assert transposes(lean) < transposes(library)


def test_the_gradient_keeps_no_copy_of_what_was_scanned():
    def kept(function):
        _, pullback = jax.vjp(function, *arguments())
        return sum(leaf.shape == (3, 4, 4) for leaf in jax.tree.leaves(pullback))

    assert kept(lean) == 1


def test_turn_by_turn_is_the_same_without_a_loop():
    def unrolled(carry, scanned):
        return turn_by_turn(body, carry, scanned, 2.0)

    assert_close(unrolled(*arguments()), library(*arguments()))
    actual, expected = (jax.grad(loss, (1, 2))(function, *arguments()) for function in (unrolled, library))
    assert_close(actual, expected)
    program = str(jax.make_jaxpr(jax.grad(partial(loss, unrolled), (0, 1)))(*arguments()))
    assert "scan" not in program
    assert "pad[" not in program  # what a slice's own gradient would be
