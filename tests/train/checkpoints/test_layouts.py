"""A state saved in one layout and restored in the other, and as runs saved it before there were two."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from train.checkpoints.checkpoints import Checkpoints
from train.checkpoints.layouts import convert
from train.checkpoints.saved_run import restore_state, stored_layout
from train.step.placement import first_state, state_layout, state_shapes
from train.step.state import first_moments, initial_state


def numbered(state):
    """A state of that structure, no two numbers of an array alike."""
    start = np.random.default_rng(0).integers(0, 2**10)
    return jax.tree.map(lambda leaf: np.arange(leaf.size, dtype=leaf.dtype).reshape(leaf.shape) + start, state)


@pytest.fixture(scope="module")
def states(train_config):
    """The same run's state in both layouts, each number of one at its place in the other."""
    shapes = {layout: state_shapes(train_config, layout) for layout in ("vector", "arrays")}
    return shapes, numbered(shapes["vector"])


def test_there_and_back(states):
    shapes, state = states
    arrays = convert(state, shapes["arrays"])
    jax.tree.map(lambda a, s: np.testing.assert_equal(a.shape, s.shape), arrays, shapes["arrays"])
    back = convert(arrays, shapes["vector"])
    assert back.layout == "vector"
    jax.tree.map(np.testing.assert_array_equal, back, state)


def test_every_number_is_where_jax_would_unravel_it(states):
    shapes, state = states
    arrays = convert(state, shapes["arrays"])
    on_device = jax.tree.map(jnp.asarray, state)
    jax.tree.map(np.testing.assert_array_equal, arrays.average, on_device.best_params)
    jax.tree.map(
        np.testing.assert_array_equal, first_moments(jax.tree.map(jnp.asarray, arrays)), first_moments(on_device)
    )
    assert int(arrays.optimizer.count) == int(state.optimizer.count)


@pytest.mark.parametrize(("optimizer", "options"), [("sgd", ""), ("sgd", "momentum=0.9"), ("adamw", ""), ("lion", "")])
def test_other_optimizers_move_too(train_config, optimizer, options):
    config = dataclasses.replace(train_config, optimizer=optimizer, optimizer_options=options)
    vector, arrays = (state_shapes(config, layout) for layout in ("vector", "arrays"))
    state = numbered(vector)
    there = convert(state, arrays)
    assert jax.tree.structure(there) == jax.tree.structure(arrays)
    jax.tree.map(np.testing.assert_array_equal, convert(there, vector), state)


def test_a_run_goes_on_in_the_layout_of_its_devices(train_config, micro_params, one_device, tmp_path):
    state = first_state(jax.device_get(micro_params), train_config, one_device)
    assert state.layout == "vector"
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        checkpoints.save(1, state, {"layout": "vector"})
        checkpoints.wait()
        sharded = dataclasses.replace(train_config, shard_state=True)
        arrays, _ = restore_state(checkpoints, sharded, one_device)
        assert arrays.layout == state_layout(sharded, one_device) == "arrays"
        jax.tree.map(np.testing.assert_array_equal, arrays.best_params, state.best_params)
        checkpoints.save(2, arrays, {"layout": "arrays"})
        checkpoints.wait()
        again, metadata = restore_state(checkpoints, train_config, one_device)
    jax.tree.map(np.testing.assert_array_equal, again, state)
    assert stored_layout(metadata) == "arrays"


def test_what_was_saved_before_there_were_layouts_goes_on(train_config, micro_params, one_device, tmp_path):
    """Then a state had the names below, and its facts said nothing of a layout."""
    state = initial_state(micro_params, average=True)
    adam = {name: jax.tree.map(np.asarray, getattr(state.optimizer, name)) for name in ("count", "mu", "nu")}
    second = {name: np.asarray(getattr(state.quantile_optimizer, name)) for name in ("count", "mu", "nu")}
    before = {
        "step": np.array(3, np.int32), "params": jax.device_get(micro_params),
        "optimizer": {**adam, "mu": adam["mu"] + 0.5}, "quantile_optimizer": second,
        "average": np.asarray(state.average),
        "skipped": np.array(1, np.int32), "skipped_in_row": np.array(0, np.int32),
    }  # fmt: skip
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        checkpoints.save(3, before, {"best": None})
        checkpoints.wait()
        for shard in (False, True):
            config = dataclasses.replace(train_config, shard_state=shard)
            restored, metadata = restore_state(checkpoints, config, one_device)
            assert metadata == {"best": None}
            assert (int(restored.step), int(restored.skipped)) == (3, 1)
            for moment in jax.tree.leaves(restored.optimizer.mu):
                np.testing.assert_array_equal(moment, np.full(moment.shape, 0.5, np.float32))
            jax.tree.map(np.testing.assert_array_equal, restored.params, micro_params)
