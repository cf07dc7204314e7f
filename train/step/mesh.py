"""One mesh of all devices, among which a batch is divided.

The same program runs on one CPU, on N of them, on GPUs and TPUs, and on several hosts: there, every process calls
`join_processes` first and then holds its own rows of each batch. TPU slices are an axis of their own: what connects
them is a data center's network, far slower than what connects the chips of one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

BATCH = "batch"
"""The axis of the devices that are close to each other: all of them, or those of a slice."""
SLICE = "slice"
"""The axis of the slices, where there are several."""


def join_processes(coordinator: str | None, num_processes: int | None, process_id: int | None) -> None:
    """Connects the processes of a run; must come before anything else touches JAX.

    Args:
        coordinator: "HOST:PORT" of process 0; None lets JAX read the cluster's own environment (Slurm, MPI, TPU, …).
        num_processes: how many; None likewise.
        process_id: this one's number, from 0; None likewise.

    Raises:
        ValueError: the processes cannot find each other.
    """
    jax.config.update("jax_cpu_collectives_implementation", "gloo")  # the CPU's default has none across processes
    try:
        jax.distributed.initialize(coordinator, num_processes, process_id)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"the processes of this run cannot be joined ({reason}): give --coordinator HOST:PORT, --num-processes and "
            "--process-id, or start it under a cluster manager that JAX knows"
        ) from error


def make_mesh(devices: Sequence[jax.Device] | np.ndarray | None = None) -> Mesh:
    """All devices of all processes, in a row; those of several TPU slices in a row for each.

    Args:
        devices: others instead, for example those of a topology that is only described.
    """
    devices = jax.devices() if devices is None else devices
    numbers = [getattr(device, "slice_index", None) or 0 for device in devices]
    count = len(set(numbers)) if devices[0].platform == "tpu" else 1
    if count == 1:
        return Mesh(np.array(devices), (BATCH,))
    rows = [[device for device, at in zip(devices, numbers, strict=True) if at == number] for number in set(numbers)]
    return Mesh(np.array(rows), (SLICE, BATCH))


def slices(mesh: Mesh) -> int:
    """How many slices the mesh has."""
    return mesh.shape.get(SLICE, 1)


def check_divides(batch_size: int, accumulate: int, mesh: Mesh) -> None:
    """Raises ValueError unless every device gets equally many crops of every part of a batch."""
    if batch_size % (accumulate * mesh.size):
        parts = f" in --accumulate {accumulate} parts" if accumulate > 1 else ""
        raise ValueError(f"--batch-size {batch_size}{parts} does not divide among {mesh.size} devices")


def replicated(mesh: Mesh) -> NamedSharding:
    """The whole array on every device."""
    return NamedSharding(mesh, PartitionSpec())


def divided(mesh: Mesh) -> NamedSharding:
    """The first axis divided among the devices."""
    return NamedSharding(mesh, rows_spec(mesh))


def rows_spec(mesh: Mesh) -> PartitionSpec:
    """The first axis over all axes of the mesh."""
    return PartitionSpec(mesh.axis_names if len(mesh.axis_names) > 1 else BATCH)


def replicate(tree: Any, mesh: Mesh) -> Any:
    """A tree of arrays, the same in every process, on every device."""
    return fresh_copy(place(tree, replicated(mesh)), mesh)


def place(tree: Any, shardings: Any) -> Any:
    """A tree of arrays, the same in every process, on the devices; each gets its own part of every array.

    Args:
        tree: NumPy arrays.
        shardings: one for all, or one for each.
    """

    def placed(value: Any, sharding: Any) -> jax.Array:
        array = np.asarray(value)
        return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

    if isinstance(shardings, NamedSharding):
        return jax.tree.map(lambda value: placed(value, shardings), tree)
    return jax.tree.map(placed, tree, shardings)


def fresh_copy(tree: Any, mesh: Mesh) -> Any:
    """A tree on every device, in buffers of its own: JAX may have made one of somebody else's memory."""
    return _copier(mesh)(tree)


@functools.lru_cache(maxsize=2)
def _copier(mesh: Mesh) -> Any:
    """Compiled once for a mesh and a tree's shapes: validation copies its figures again and again."""
    return jax.jit(lambda tree: jax.tree.map(jnp.copy, tree), out_shardings=replicated(mesh))


def own_copy(tree: Any) -> Any:
    """A tree that lies on the devices as it does, in buffers of its own: a step gives its state's buffers away."""
    leaves, structure = jax.tree.flatten(tree)
    return structure.unflatten(_own_copier(tuple(leaf.sharding for leaf in leaves))(leaves))


@functools.lru_cache(maxsize=2)
def _own_copier(shardings: tuple[NamedSharding, ...]) -> Any:
    return jax.jit(lambda leaves: [jnp.copy(leaf) for leaf in leaves], out_shardings=list(shardings))


def shard_batch(rows: Any, mesh: Mesh) -> Any:
    """A tree of this process's rows as arrays of all rows."""
    sharding = divided(mesh)
    return jax.tree.map(lambda v: jax.make_array_from_process_local_data(sharding, np.asarray(v)), rows)


def gather(tree: Any, mesh: Mesh) -> Any:
    """A tree of arrays of all rows as NumPy arrays in every process."""
    return jax.device_get(tree if jax.process_count() == 1 else fresh_copy(tree, mesh))


def on_own_rows(function: Callable[[Any, Any], Any], shared: Any, rows: Any, mesh: Mesh) -> Any:
    """What every device makes of its own rows, as a tree of all rows; the devices tell each other nothing.

    Args:
        function: of `shared` and rows to as many rows; pure.
        shared: a tree of arrays that every device has whole.
        rows: a tree of arrays whose first axis is divided among the devices.
        mesh: the devices.
    """
    return on_each_device(function, mesh, (PartitionSpec(), rows_spec(mesh)), rows_spec(mesh))(shared, rows)


def on_each_device(function: Callable[..., Any], mesh: Mesh, arguments: Any, results: Any) -> Callable[..., Any]:
    """A function of what each device has of its arguments.

    Args:
        function: pure; within it, collectives have the mesh's axes.
        mesh: the devices.
        arguments: how each argument is divided.
        results: how the results are.
    """
    if mesh.size == 1:
        return function
    # Unchecked: JAX would add up each parameter's gradient over the devices by itself.
    if hasattr(jax, "shard_map"):
        return jax.shard_map(function, mesh=mesh, in_specs=arguments, out_specs=results, check_vma=False)
    from jax.experimental.shard_map import shard_map  # before JAX 0.6

    return shard_map(function, mesh=mesh, in_specs=arguments, out_specs=results, check_rep=False)


def wait_on_cpu(tree: Any, mesh: Mesh) -> None:
    """Waits for a step's results where several devices are virtual ones of one CPU; elsewhere does nothing.

    Such devices share one pool of threads: of two programs under way, each may hold threads that the other's exchange
    between devices waits for.
    """
    if mesh.size > 1 and mesh.devices.flat[0].platform == "cpu":
        jax.block_until_ready(tree)


def wait_for_all(where: str) -> None:
    """Returns when every process has come here."""
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(where)
