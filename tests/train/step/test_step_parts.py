"""What a step does beside the recipe: parts of a batch, a moving average, steps that are not finite."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.parameters.shapes import flatten, unflatten
from cca_jax.model.rates import RatePoint
from train.step.state import initial_state
from train.step.step import mean_over_parts, train_step

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def step(micro_model, micro_image, micro_noise):
    """Without the auxiliary model, which has its own tests; (state) to (state, report)."""

    @partial(jax.jit, static_argnums=1)
    def run(state, accumulate):
        return train_step(
            micro_model, state, micro_image, micro_noise,
            learning_rate=1e-2, rate=RatePoint.single(1.8), form="off", accumulate=accumulate, average_decay=0.5,
        )  # fmt: skip

    return run


@pytest.fixture(scope="module")
def params(micro_params):
    return {name: value for name, value in micro_params.items() if name != "auxiliary"}


def test_parts_give_the_mean_over_the_batch():
    rows = {"a": jnp.arange(12.0).reshape(6, 2), "b": jnp.arange(6.0)}

    def function(part):
        return {
            "mean": part["a"].mean(0) * part["b"].mean() * 0 + part["a"].mean(0),
            "count": jnp.float32(len(part["b"])),
        }

    for parts in (1, 2, 3, 6):
        actual = mean_over_parts(function, rows, parts)
        np.testing.assert_allclose(actual["mean"], rows["a"].mean(0), rtol=1e-6)
        assert actual["count"] == 6 / parts


def test_accumulating_is_the_same_step(step, params):
    state = initial_state(params)
    whole, report = step(state, 1)
    parts, again = step(state, 2)
    np.testing.assert_allclose(again.grad_norm, report.grad_norm, rtol=1e-4)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5), again.terms, report.terms)
    np.testing.assert_allclose(
        parts.optimizer.mu, whole.optimizer.mu, atol=1e-4 * float(jnp.abs(whole.optimizer.mu).max())
    )


def test_the_average_follows_by_hand(step, params):
    state = initial_state(params, average=True)
    after, _ = step(state, 1)
    early = 1 / 10  # (1 + 0) / (10 + 0), below the asked 0.5
    for name, value in flatten(after.best_params).items():
        expected = early * flatten(params)[name] + (1 - early) * flatten(after.params)[name]
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6, err_msg=name)


def test_without_an_average_the_parameters_count(params):
    state = initial_state(params)
    assert state.average is None
    assert state.best_params is state.params


def test_a_step_that_is_not_finite_changes_nothing_but_its_counters(step, params):
    arrays = flatten(params)
    broken = {**arrays, "analysis/down_0/bias": jnp.full_like(arrays["analysis/down_0/bias"], jnp.nan)}
    state, good = initial_state(unflatten(broken), average=True), initial_state(params, average=True)
    after, report = step(state, 1)
    after, report = step(after, 1)
    assert (int(after.step), int(report.skipped), int(report.skipped_in_row)) == (2, 2, 2)
    for name in ("params", "optimizer", "quantile_optimizer", "average"):
        jax.tree.map(np.testing.assert_array_equal, getattr(after, name), getattr(state, name))
    healed, report = step(dataclasses.replace(after, params=good.params, average=good.average), 1)
    assert (int(healed.step), int(report.skipped), int(report.skipped_in_row)) == (3, 2, 0)
    assert np.isfinite(healed.average).all()
