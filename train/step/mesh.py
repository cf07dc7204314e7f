"""One mesh of all devices: parameters on each of them, a batch divided among them.

The same program runs on one CPU, on N of them, on GPUs and TPUs, and on several hosts: there, every process calls
`join_processes` first and then holds its own rows of each batch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh, NamedSharding, PartitionSpec

_BATCH = "batch"


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


def make_mesh(devices: np.ndarray | None = None) -> Mesh:
    """These devices in a row; None takes all of all processes."""
    return Mesh(np.array(jax.devices()) if devices is None else devices, (_BATCH,))


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
    return NamedSharding(mesh, PartitionSpec(_BATCH))


def replicate(tree: Any, mesh: Mesh) -> Any:
    """A tree of arrays, the same in every process, on every device."""
    sharding = replicated(mesh)
    arrays = jax.tree.map(lambda v: jax.make_array_from_process_local_data(sharding, np.asarray(v)), tree)
    return fresh_copy(arrays, mesh)


def fresh_copy(tree: Any, mesh: Mesh) -> Any:
    """A tree on every device, in buffers of its own.

    A step gives its state's buffers away, and JAX may have made one of somebody else's memory.
    """
    return _copier(mesh)(tree)


@functools.lru_cache(maxsize=2)
def _copier(mesh: Mesh) -> Any:
    """Compiled once for a mesh and a tree's shapes: validation copies its figures again and again."""
    return jax.jit(lambda tree: jax.tree.map(jnp.copy, tree), out_shardings=replicated(mesh))


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
    return _on_each_device(function, mesh, PartitionSpec(_BATCH))(shared, rows)


def mean_over_devices(function: Callable[[Any, Any], Any], shared: Any, rows: Any, mesh: Mesh) -> Any:
    """The mean of what every device makes of its own rows; arguments as for `on_own_rows`, the result of any shapes.

    The devices tell each other one vector, once. Left to itself, the compiler of a network's gradient exchanges every
    parameter on its own, and rows of activations inside convolutions. That is slow, and where the devices are virtual
    ones of one CPU it may never end: each exchange blocks a thread until all devices have come to it, and when devices
    come to several in different orders, these take all the threads there are.
    """

    def mean(shared: Any, rows: Any) -> Any:
        vector, restore = ravel_pytree(function(shared, rows))
        return restore(jax.lax.pmean(vector, _BATCH))

    return _on_each_device(mean if mesh.size > 1 else function, mesh, PartitionSpec())(shared, rows)


def _on_each_device(
    function: Callable[[Any, Any], Any], mesh: Mesh, result: PartitionSpec
) -> Callable[[Any, Any], Any]:
    if mesh.size == 1:
        return function
    arguments = (PartitionSpec(), PartitionSpec(_BATCH))
    # Unchecked: JAX would add up each parameter's gradient over the devices by itself.
    if hasattr(jax, "shard_map"):
        return jax.shard_map(function, mesh=mesh, in_specs=arguments, out_specs=result, check_vma=False)
    from jax.experimental.shard_map import shard_map  # before JAX 0.6

    return shard_map(function, mesh=mesh, in_specs=arguments, out_specs=result, check_rep=False)


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
