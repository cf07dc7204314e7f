"""Which axis is divided: by hand, and on a mesh that is only described."""

import jax
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from train.step.mesh import BATCH, SLICE
from train.step.sharding import bytes_on_a_device, param_axes, sharded_axis, spec_of, tree_shardings


@pytest.mark.parametrize(
    ("shape", "devices", "axis"),
    [
        ((3, 3, 64, 128), 8, 3),  # the largest
        ((3, 3, 64, 100), 8, 2),  # the largest of those that divide
        ((64, 64), 8, 0),  # the first of equal ones
        ((3, 3, 60, 100), 8, None),  # none divides
        ((1023,), 1, None),
        ((1024,), 8, 0),
        ((1016,), 8, None),  # too small
        ((64, 64), 1, None),
        ((), 8, None),
    ],
)
def test_the_largest_axis_that_divides(shape, devices, axis):
    assert sharded_axis("analysis/kernel", shape, devices) == axis


def test_what_the_quantiles_objective_reads_stays_whole():
    for name in ("hyper_prior/factor_0", "auxiliary/prior/factor_0"):
        assert sharded_axis(name, (64, 64), 8) is None


def test_a_spec_names_one_axis():
    assert spec_of(None) == PartitionSpec()
    assert spec_of(2) == PartitionSpec(None, None, BATCH)


def shapes():
    leaf = jax.ShapeDtypeStruct((64, 32), np.float32)
    return {"a": leaf, "nested": {"b": leaf, "bias": jax.ShapeDtypeStruct((32,), np.float32)}}


def described(*lengths):
    """A mesh of one device repeated: it only says how many there are."""
    names = (SLICE, BATCH)[-len(lengths) :]
    return Mesh(np.array(jax.devices()[:1] * int(np.prod(lengths))).reshape(lengths), names)


def test_slices_do_not_share_a_state():
    """Of 2 × 4 devices each has a quarter."""
    whole = 2 * 64 * 32 * 4 + 32 * 4
    assert bytes_on_a_device(shapes(), described(2, 4), shard=False) == whole
    assert bytes_on_a_device(shapes(), described(2, 4), shard=True) == 2 * 64 * 32 + 32 * 4
    assert bytes_on_a_device(shapes(), described(8), shard=True) == 64 * 32 + 32 * 4


def test_arrays_of_equal_names_lie_alike():
    """A parameter, and its moment, which an optimizer keeps under the parameter's joined name."""
    tree = {"params": shapes()["nested"]}
    moments = {"params/b": tree["params"]["b"]}
    specs = [tree_shardings(one, described(4), True) for one in (tree, moments)]
    assert specs[0]["params"]["b"] == specs[1]["params/b"]
    assert param_axes({"b": tree["params"]["b"]}, described(4)) == {"b": 0}
    assert param_axes({"b": tree["params"]["b"]}, described(4), shard=False) == {"b": None}
