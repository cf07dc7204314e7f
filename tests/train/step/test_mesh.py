"""A batch divided among devices, on four virtual ones: they must be there before JAX is, hence a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from train.step.mesh import check_divides, mean_over_devices, on_own_rows

ROOT = Path(__file__).parents[3]
ON_FOUR_DEVICES = """
import jax, jax.numpy as jnp, numpy as np
from train.step.mesh import gather, make_mesh, mean_over_devices, on_own_rows, replicate, shard_batch

mesh = make_mesh()
assert mesh.size == 4
rows = np.arange(16, dtype=np.float32).reshape(8, 2)
shared, divided = replicate({"scale": np.float32(3)}, mesh), shard_batch((rows, None), mesh)
assert [len(part.data) for part in divided[0].addressable_shards] == [2] * 4

def loss(shared, rows):
    return (shared["scale"] ** 2 * rows[0]).mean()

step = jax.jit(lambda shared, rows: mean_over_devices(jax.value_and_grad(loss), shared, rows, mesh))
value, gradient = step(shared, divided)
np.testing.assert_allclose(value, 9 * rows.mean())
np.testing.assert_allclose(gradient["scale"], 6 * rows.mean())
assert value.sharding.is_fully_replicated
program = step.lower(shared, divided).compile().as_text()
exchanges = [line for line in program.splitlines() if " all-" in line or " collective-" in line]
assert len(exchanges) == 1, exchanges

doubled = jax.jit(lambda shared, rows: on_own_rows(lambda s, r: r[0] * s["scale"], shared, rows, mesh))
result = doubled(shared, divided)
assert not result.sharding.is_fully_replicated
np.testing.assert_array_equal(gather(result, mesh), 3 * rows)
"""


def test_four_devices_share_a_batch_and_exchange_one_vector():
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    subprocess.run([sys.executable, "-c", ON_FOUR_DEVICES], cwd=ROOT, env=environment, check=True, timeout=300)


def test_one_device_has_all_rows(one_device):
    rows = jnp.arange(6.0)
    assert float(mean_over_devices(lambda shared, rows: (shared * rows).mean(), 2.0, rows, one_device)) == 5.0
    np.testing.assert_array_equal(on_own_rows(lambda shared, rows: shared * rows, 2.0, rows, one_device), 2 * rows)


def test_a_batch_that_does_not_divide_is_refused(one_device):
    check_divides(6, 3, one_device)
    with pytest.raises(ValueError, match="--batch-size 6 in --accumulate 4 parts does not divide among 1 devices"):
        check_divides(6, 4, one_device)
