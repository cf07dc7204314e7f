"""What devices tell each other, on eight virtual ones: values, and kinds and bytes of every exchange.

They must be there before JAX is, hence a process of its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from train.step.exchange import gather_arrays, gradients_over_devices, mean_of_gradients

ROOT = Path(__file__).parents[3]
ON_EIGHT_DEVICES = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from train.plan.accelerators.collectives import collectives
from train.plan.accelerators.program import read_program
from train.step.exchange import gradients_over_devices, squares_over_devices, whole_arrays
from train.step.mesh import place, replicated, shard_batch
from train.step.sharding import param_axes, spec_of

generator = np.random.default_rng(0)
shapes = {"kernel": (3, 16, 64), "dense": (64, 32), "bias": (100,)}
params = {name: generator.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
rows = generator.normal(size=(16, 2)).astype(np.float32)
DIVIDED, OTHERS = 4 * (3 * 16 * 64 + 64 * 32), 4 * (100 + 2)
devices = np.array(jax.devices())

def toy(params, shared, rows):
    value = rows.mean() * shared
    return jax.tree.map(lambda p: p * value, params), {"sum": rows.sum(), "value": value}

def plan(program, mesh):
    group_of = np.arange(mesh.size) // mesh.shape["batch"]
    found = collectives(read_program(program.as_text()), group_of.tolist())
    return sorted((one.kind, one.bytes, one.devices, one.groups, one.times) for one in found)

for mesh, shard, expected in (
    (Mesh(devices, ("batch",)), False, [("all-reduce", DIVIDED + OTHERS, 8, 1, 1)]),
    (Mesh(devices, ("batch",)), True, [
        ("all-gather", DIVIDED, 8, 1, 1), ("all-reduce", OTHERS, 8, 1, 1), ("reduce-scatter", DIVIDED, 8, 1, 1),
    ]),
    # Across slices goes one vector: a quarter of all there is, rounded up.
    (Mesh(devices.reshape(2, 4), ("slice", "batch")), False, [
        ("all-gather", OTHERS + 8, 4, 1, 1), ("all-gather", DIVIDED, 4, 1, 1),
        ("all-reduce", OTHERS, 4, 1, 1), ("all-reduce", (DIVIDED + OTHERS + 8) // 4, 2, 2, 1),
        ("reduce-scatter", DIVIDED, 4, 1, 1),
    ]),
    (Mesh(devices.reshape(2, 4), ("slice", "batch")), True, [
        ("all-gather", OTHERS + 8, 4, 1, 1), ("all-gather", DIVIDED, 4, 1, 1),
        ("all-reduce", OTHERS, 4, 1, 1), ("all-reduce", (DIVIDED + OTHERS + 8) // 4, 2, 2, 1),
        ("reduce-scatter", DIVIDED, 4, 1, 1),
    ]),
):
    axes = param_axes(params, mesh, shard)
    lie = {name: NamedSharding(mesh, spec_of(axis)) for name, axis in axes.items()}
    arguments = place(params, lie), place(np.float32(3), replicated(mesh)), shard_batch(rows, mesh)
    program = jax.jit(lambda p, s, r: gradients_over_devices(toy, p, s, r, mesh, axes)).lower(*arguments).compile()
    gradients, others = program(*arguments)
    for name, value in gradients.items():
        np.testing.assert_allclose(value, params[name] * 3 * rows.mean(), rtol=1e-4, atol=1e-6)
        assert value.sharding.is_equivalent_to(lie[name], value.ndim), (name, value.sharding)
    np.testing.assert_allclose(others["sum"], rows.sum() / 8, rtol=1e-5)
    np.testing.assert_allclose(others["value"], 3 * rows.mean(), rtol=1e-5)
    if len(mesh.axis_names) == 2:
        assert axes["kernel"] is None or lie["kernel"].shard_shape((3, 16, 64)) == (3, 16, 16)
    assert plan(program, mesh) == sorted(expected), (shard, plan(program, mesh))

    squares = jax.jit(lambda p: squares_over_devices(p, mesh, axes)).lower(arguments[0]).compile()
    np.testing.assert_allclose(squares(arguments[0]), sum((p ** 2).sum() for p in params.values()), rtol=1e-5)
    assert [one[:2] for one in plan(squares, mesh)] == [("all-reduce", 4)]
    whole = jax.jit(lambda p: whole_arrays(p, mesh, axes))(arguments[0])
    for name, value in whole.items():
        assert value.sharding.is_fully_replicated
        np.testing.assert_array_equal(value, params[name])
"""


def test_eight_devices_tell_each_other_what_is_written_down_and_nothing_else():
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    subprocess.run([sys.executable, "-c", ON_EIGHT_DEVICES], cwd=ROOT, env=environment, check=True, timeout=300)


def test_one_device_has_all_and_tells_nobody(one_device):
    params, rows = {"a": jnp.arange(4.0)}, jnp.arange(6.0)

    def toy(params, shared, rows):
        return {"a": params["a"] * rows.mean()}, shared

    step = jax.jit(lambda params, rows: gradients_over_devices(toy, params, jnp.float32(2), rows, one_device))
    gradients, others = step(params, rows)
    np.testing.assert_array_equal(gradients["a"], 2.5 * params["a"])
    assert float(others) == 2
    assert "all-" not in step.lower(params, rows).compile().as_text()
    assert gather_arrays(params, {"a": None}, 1) is params
    assert mean_of_gradients(params, (), {"a": None}, one_device)[0] is params
