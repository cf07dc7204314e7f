import dataclasses

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from cca_jax.model.cca import CCAModel
from train.plan.memory import estimate_memory
from train.step.compiled import build_model
from train.step.placement import state_shapes
from train.step.state import initial_state


@pytest.fixture(scope="module")
def estimates(train_config):
    def of(devices=1, **values):
        config = dataclasses.replace(train_config, **values)
        return estimate_memory(config, build_model(config), Mesh(np.array(jax.devices()[:1] * devices), ("batch",)))

    return of


def test_the_states_shapes_are_those_of_a_state(train_config, micro_params):
    state = initial_state(micro_params, average=True)
    actual = state_shapes(train_config, "vector")
    jax.tree.map(lambda shape, array: np.testing.assert_equal(shape.shape, array.shape), actual, state)
    assert jax.tree.structure(actual) == jax.tree.structure(state)


def test_what_costs_memory_and_what_saves_it(estimates):
    plain = estimates()
    assert plain.total == plain.state + plain.gradients + plain.activations
    assert plain.gathered == 0
    assert plain.state > 3.9 * plain.gradients  # parameters, two moments, the average
    assert estimates(ema_decay=0.0).state < plain.state
    half = estimates(accumulate=2).activations
    assert 0.4 < half / plain.activations < 0.6
    assert estimates(devices=2).activations == half
    assert estimates(remat=True).activations < 0.8 * plain.activations
    assert estimates(cca="off").activations < plain.activations


def test_the_model_is_executed_as_configured(train_config):
    config = dataclasses.replace(train_config, precision="bfloat16", remat=True)
    assert build_model(config) == CCAModel(config.model, compute_dtype="bfloat16", remat=True)
