"""What the network of integers is told of a rate: the same when it is trained and when it codes."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.integer_network.rate import coded_rate, trained_rate
from cca_jax.model.rates import initial_log_steps
from cca_jax.ops.likelihoods.scales import INDEX_STEP


@pytest.fixture(scope="module")
def log_steps(micro_lite):
    drawn = initial_log_steps(micro_lite)
    return (drawn + np.random.default_rng(0).normal(0, 0.4, drawn.shape)).astype(np.float16)


@pytest.mark.parametrize("position", [Fraction(0), Fraction(1), Fraction(2), Fraction(7, 5), Fraction(50, 256 * 99)])
def test_coding_and_training_are_told_the_same(micro_lite, log_steps, position):
    coded = coded_rate(micro_lite, log_steps, position.numerator, position.denominator)
    trained = trained_rate(micro_lite, jnp.asarray(log_steps, jnp.float32), jnp.array([float(position)]))
    for ours, theirs in zip(jax.tree.leaves(coded), jax.tree.leaves(trained), strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_array_equal(ours, np.rint(ours))
        assert np.abs(ours - theirs).max() <= 1  # in between, float32 may miss a half
        if position.denominator == 1:
            np.testing.assert_array_equal(ours, theirs)


def test_shifts_are_logarithms_of_the_steps_in_tables(micro_lite, log_steps):
    for row in range(3):
        shift = np.asarray(coded_rate(micro_lite, log_steps, row, 1).shift)[0, 0, 0]
        np.testing.assert_allclose(shift * INDEX_STEP, log_steps[row].astype(np.float64), atol=0.55 * INDEX_STEP)


def test_the_step_between_tables_is_what_it_says():
    assert pytest.approx(np.log(256 / 0.11) / 63, rel=1e-15) == INDEX_STEP


def test_factors_fall_as_the_overall_step_does(micro_lite):
    log_steps = initial_log_steps(micro_lite)
    factors = [float(coded_rate(micro_lite, log_steps, n, 50).factor[0, 0, 0, 0]) for n in range(101)]
    assert factors == sorted(factors, reverse=True)
    weights = micro_lite.rate_weights
    assert factors[0] / factors[-1] == pytest.approx((weights[0] / weights[-1]) ** 0.5, rel=0.03)
    assert factors[0] * factors[-1] == pytest.approx(64**2, rel=0.05)


def test_equal_fractions_are_one_position(micro_lite, log_steps):
    ours, theirs = coded_rate(micro_lite, log_steps, 7, 5), coded_rate(micro_lite, log_steps, 7 * 5069, 5 * 5069)
    assert all(map(np.array_equal, *(map(np.asarray, jax.tree.leaves(rate)) for rate in (ours, theirs))))


def test_training_moves_the_steps_through_the_shifts(micro_lite, log_steps):
    steps = jnp.asarray(log_steps, jnp.float32)
    gradient = jax.grad(lambda s: trained_rate(micro_lite, s, jnp.array([0.25])).shift.sum())(steps)
    np.testing.assert_allclose(gradient * INDEX_STEP, np.array([0.75, 0.25, 0])[:, None] * np.ones(12), atol=1e-5)
