from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.cca import Noise
from cca_jax.model.parameters.shapes import flatten
from cca_jax.model.rates import RatePoint
from train.step.state import QUANTILE_LEARNING_RATE, first_moments, initial_state
from train.step.step import train_step

pytestmark = pytest.mark.usefixtures("quick_compilation")

LEARNING_RATE = 1e-3


@pytest.fixture(scope="module")
def step(micro_model, micro_image):
    """(state, noise, learning rate) to (state, report), in the stopped form at λ = 1.8, compiled once."""
    run = jax.jit(partial(train_step, micro_model, rate=RatePoint.single(1.8), form="stopped"))
    return lambda state, noise, learning_rate=LEARNING_RATE: run(
        state, micro_image, noise, learning_rate=jnp.float32(learning_rate)
    )


@pytest.fixture(scope="module")
def two_steps(step, micro, micro_params, micro_image, micro_noise):
    """The states before, between and after two steps with different noise, and the reports."""
    before = initial_state(micro_params)
    between, first = step(before, micro_noise)
    after, second = step(between, Noise.sample(jax.random.key(5), micro, micro_image.shape))
    return (before, between, after), (first, second)


def arrays(tree):
    return {name: np.float64(leaf) for name, leaf in flatten(tree).items()}


def first_moment(state, name):
    return arrays(first_moments(state))[name]


def main_names(params):
    return [name for name in flatten(params) if not name.endswith("/quantiles")]


def test_first_adam_step_is_the_learning_rate_in_the_direction_of_the_gradient(two_steps):
    (before, between, _), _ = two_steps
    old, new = arrays(before.params), arrays(between.params)
    for name in main_names(before.params):
        gradient = 10 * first_moment(between, name)  # a tenth of it is the first moment
        expected = -LEARNING_RATE * gradient / (np.abs(gradient) + 1e-8)
        np.testing.assert_allclose(
            new[name] - old[name], expected, atol=3e-7 * (1 + np.abs(old[name]).max()), err_msg=name
        )
    assert any(np.abs(new[name] - old[name]).max() > 0.99 * LEARNING_RATE for name in main_names(before.params))


def test_second_adam_step_by_hand(two_steps):
    (_, between, after), _ = two_steps
    name = "analysis/down_0/kernel"
    first = 10 * first_moment(between, name)
    second = (first_moment(after, name) - 0.9 * 0.1 * first) / 0.1
    mean = (0.9 * 0.1 * first + 0.1 * second) / (1 - 0.9**2)
    square = (0.999 * 0.001 * first**2 + 0.001 * second**2) / (1 - 0.999**2)
    expected = -LEARNING_RATE * mean / (np.sqrt(square) + 1e-8)
    actual = arrays(after.params)[name] - arrays(between.params)[name]
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-7)
    assert (first != second).all()


def test_gradients_are_clipped_over_all_parameters_and_the_report_says_their_norm(two_steps):
    (before, between, _), (report, _) = two_steps
    norm = float(report.grad_norm)
    assert norm > 2  # so that clipping shows
    clipped = [10 * first_moment(between, name) for name in main_names(before.params)]
    np.testing.assert_allclose(np.sqrt(sum((g**2).sum() for g in clipped)), norm / (norm + 1e-6), rtol=1e-5)


def test_only_the_second_adam_moves_the_quantiles_and_it_moves_nothing_else(step, micro_params, micro_noise):
    """At a learning rate of 0 the first one stands still."""
    state, _ = step(initial_state(micro_params), micro_noise, learning_rate=0.0)
    old, new = arrays(micro_params), arrays(state.params)
    for name, array in old.items():
        if name.endswith("/quantiles"):
            distance = np.abs(new[name] - array)
            np.testing.assert_allclose(distance, QUANTILE_LEARNING_RATE, rtol=2e-3, err_msg=name)
        else:
            np.testing.assert_array_equal(new[name], array, err_msg=name)


def test_the_quantile_loss_sees_the_updated_densities_and_the_old_quantiles(two_steps, micro_model):
    (before, between, _), (report, _) = two_steps

    def loss(params):
        return float(micro_model.apply({"params": params}, method="quantile_loss"))

    def with_old_quantiles(new, old):
        return {**new, "quantiles": old["quantiles"]}

    old, new = before.params, between.params
    seen = {**new, "hyper_prior": with_old_quantiles(new["hyper_prior"], old["hyper_prior"])}
    prior = with_old_quantiles(new["auxiliary"]["prior"], old["auxiliary"]["prior"])
    seen["auxiliary"] = {**new["auxiliary"], "prior": prior}
    assert abs(loss(old) / loss(seen) - 1) > 1e-5
    np.testing.assert_allclose(report.quantile_loss, loss(seen), rtol=2e-6)


def test_a_step_is_a_pure_function(step, two_steps, micro_noise):
    (before, between, after), (first, _) = two_steps
    again, report = step(before, micro_noise)
    jax.tree.map(np.testing.assert_array_equal, (again, report), (between, first))
    assert [int(state.step) for state in (before, between, after)] == [0, 1, 2]


def test_steps_on_one_image_lower_the_objective(step, micro_params, micro_noise):
    state, losses = initial_state(micro_params), []
    for _ in range(15):
        state, report = step(state, micro_noise, learning_rate=3e-3)
        losses.append(float(report.terms.loss))
    assert losses[-1] < 0.8 * losses[0]
    assert np.isfinite(losses).all()
