"""A batch divided among devices, on four virtual ones: they must be there before JAX is, hence a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from train.step.mesh import check_divides, make_mesh, on_own_rows

ROOT = Path(__file__).parents[3]
ON_FOUR_DEVICES = """
import jax, numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from train.step.mesh import gather, make_mesh, on_own_rows, own_copy, place, replicate, shard_batch

mesh = make_mesh()
assert (mesh.size, mesh.axis_names) == (4, ("batch",))
rows = np.arange(16, dtype=np.float32).reshape(8, 2)
shared, divided = replicate({"scale": np.float32(3)}, mesh), shard_batch((rows, None), mesh)
assert [len(part.data) for part in divided[0].addressable_shards] == [2] * 4

doubled = jax.jit(lambda shared, rows: on_own_rows(lambda s, r: r[0] * s["scale"], shared, rows, mesh))
result = doubled(shared, divided)
assert not result.sharding.is_fully_replicated
np.testing.assert_array_equal(gather(result, mesh), 3 * rows)

lie = {"a": NamedSharding(mesh, PartitionSpec(None, "batch")), "b": NamedSharding(mesh, PartitionSpec())}
placed = own_copy(place({"a": rows.T, "b": rows}, lie))
assert [part.data.shape for part in placed["a"].addressable_shards] == [(2, 2)] * 4
np.testing.assert_array_equal(placed["a"], rows.T)
assert placed["b"].sharding.is_fully_replicated
"""


def test_four_devices_share_a_batch_and_arrays():
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    subprocess.run([sys.executable, "-c", ON_FOUR_DEVICES], cwd=ROOT, env=environment, check=True, timeout=300)


def test_one_device_has_all_rows(one_device):
    rows = jnp.arange(6.0)
    np.testing.assert_array_equal(on_own_rows(lambda shared, rows: shared * rows, 2.0, rows, one_device), 2 * rows)


class Chip:
    """What a described device says of itself."""

    platform = "tpu"

    def __init__(self, number, slice_index):
        self.id, self.slice_index = number, slice_index


@pytest.mark.parametrize(
    ("slices", "names", "shape"),
    [([None] * 4, ("batch",), (4,)), ([0] * 4, ("batch",), (4,)), ([0, 0, 1, 1], ("slice", "batch"), (2, 2))],
)
def test_slices_are_an_axis_of_their_own(slices, names, shape):
    mesh = make_mesh([Chip(number, index) for number, index in enumerate(slices)])
    assert (mesh.axis_names, mesh.devices.shape) == (names, shape)
    assert [chip.id for chip in mesh.devices.flat] == [0, 1, 2, 3]


def test_a_batch_that_does_not_divide_is_refused(one_device):
    check_divides(6, 3, one_device)
    with pytest.raises(ValueError, match="--batch-size 6 in --accumulate 4 parts does not divide among 1 devices"):
        check_divides(6, 4, one_device)
