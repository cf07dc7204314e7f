import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from train import checkpoint
from train.step import initial_state


@flax.struct.dataclass
class State:
    step: jax.Array
    params: dict


def state(step=3, size=4):
    return State(jnp.int32(step), {"b": {"kernel": jnp.arange(float(size))}, "a": jnp.full((2, 3), jnp.pi)})


def test_round_trip(tmp_path):
    checkpoint.save(tmp_path, state())
    found = checkpoint.restore(tmp_path, state(step=0))
    assert isinstance(found, State)
    assert found.step.dtype == np.int32
    jax.tree.map(np.testing.assert_array_equal, found, state())
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE_NAME]


def test_round_trip_of_a_training_state(tmp_path, micro_params):
    before = initial_state(micro_params)
    before = dataclasses.replace(before, step=before.step + 7)
    checkpoint.save(tmp_path, before)
    after = checkpoint.restore(tmp_path, initial_state(jax.tree.map(jnp.zeros_like, micro_params)))
    assert jax.tree.structure(after) == jax.tree.structure(before)
    jax.tree.map(np.testing.assert_array_equal, after, before)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, state(step=1))

    def half(arrays, path):
        path.write_bytes(b"half a file")
        raise OSError("disk full")

    monkeypatch.setattr(checkpoint, "save_file", half)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save(tmp_path, state(step=2))
    assert int(checkpoint.restore(tmp_path, state()).step) == 1


def test_a_missing_checkpoint_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"no checkpoint in .*: leave --resume out"):
        checkpoint.restore(tmp_path, state())


@pytest.mark.parametrize("other", [state(size=5), {"step": jnp.int32(0)}, {"a": 1.0, **dataclasses.asdict(state())}])
def test_a_checkpoint_of_another_structure_is_refused(tmp_path, other):
    checkpoint.save(tmp_path, state())
    with pytest.raises(ValueError, match="of another configuration"):
        checkpoint.restore(tmp_path, other)
