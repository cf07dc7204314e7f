"""What the devices tell each other in a step: sharded parameters before it, and gradients after it.

All of it is written down here, collective by collective, within `jax.shard_map`. Left to itself, the compiler of a
network's gradient exchanges rows of activations inside convolutions, too.

On an accelerator every array is exchanged as it is; the compiler joins those that are small. On a CPU, where devices
are virtual ones, all arrays go as one vector, and one exchange comes after the other: each blocks a thread until all
devices have come to it, and when devices come to several in different orders, these take all the threads there are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float

from cca_jax.ops import platform
from train.step.mesh import BATCH, SLICE, on_each_device, rows_spec, slices
from train.step.optimizers.clipping import sum_of_squares
from train.step.sharding import param_axes, spec_of, tree_shardings

Arrays = dict[str, Array]
Axes = Mapping[str, int | None]
"""By the names of arrays, which axis of each is divided among the devices of a slice; None for whole arrays."""


def gradients_over_devices(
    function: Callable[[Arrays, Any, Any], tuple[Arrays, Any]],
    params: Arrays,
    shared: Any,
    rows: Any,
    mesh: Mesh,
    axes: Axes | None = None,
    trained: Iterable[str] | None = None,
) -> tuple[Arrays, Any]:
    """The mean of what every device makes of its own rows; the gradients lie on the devices as the parameters do.

    Args:
        function: of whole parameters, `shared` and rows to the gradients, and a tree of other arrays; pure.
        params: by name.
        shared: a tree of arrays that every device has whole.
        rows: a tree of arrays whose first axis is divided among the devices.
        mesh: the devices.
        axes: how the parameters are divided; None where all are whole.
        trained: names of the parameters that the gradients are of; None for all.
    """
    axes = dict.fromkeys(params) if axes is None else axes
    lie = {name: spec_of(axes[name]) for name in params}
    gradients_lie = {name: lie[name] for name in (params if trained is None else trained)}

    def on_device(params: Arrays, shared: Any, rows: Any) -> tuple[Arrays, Any]:
        gradients, others = function(gather_arrays(params, axes, mesh.shape[BATCH]), shared, rows)
        return mean_of_gradients(gradients, others, axes, mesh)

    arguments = (lie, PartitionSpec(), rows_spec(mesh))
    return on_each_device(on_device, mesh, arguments, (gradients_lie, PartitionSpec()))(params, shared, rows)


def squares_over_devices(gradients: Arrays, mesh: Mesh, axes: Axes) -> Float[Array, ""]:
    """The sum of all squares of gradients that lie so."""

    def on_device(gradients: Arrays) -> Array:
        own, whole = _divide(gradients, axes)
        return jax.lax.psum(sum_of_squares(own), BATCH) + sum_of_squares(whole)

    lie = {name: spec_of(axes[name]) for name in gradients}
    return on_each_device(on_device, mesh, (lie,), PartitionSpec())(gradients)


def whole_arrays(params: Arrays, mesh: Mesh, axes: Axes) -> Arrays:
    """All of every parameter on every device."""
    lie = {name: spec_of(axes[name]) for name in params}
    whole = dict.fromkeys(params, PartitionSpec())
    return on_each_device(lambda p: gather_arrays(p, axes, mesh.shape[BATCH]), mesh, (lie,), whole)(params)


def on_whole_trees(function: Callable[..., Any], trees: Any, mesh: Mesh) -> Any:
    """What a function makes of trees that lie divided: every device has them whole for it, and keeps its part again.

    For a function that reads arrays as wholes, as an optimizer does that scales a step by a parameter's norm. Left to
    the partitioner, that is an exchange for each array, which a CPU's devices cannot have (see above).

    Args:
        function: of the whole trees; pure. What it gives is divided by the same rule, by the names in its dictionaries.
        trees: its arguments, each divided as `sharding.tree_shardings` says.
        mesh: the devices.
    """

    def specs(tree: Any) -> Any:
        return jax.tree.map(lambda sharding: sharding.spec, tree_shardings(tree, mesh, True))

    def axis(spec: PartitionSpec) -> int | None:
        return tuple(spec).index(BATCH) if BATCH in tuple(spec) else None

    lie, results = specs(trees), specs(jax.eval_shape(function, *trees))

    def own(value: Array, spec: PartitionSpec) -> Array:
        if (at := axis(spec)) is None:
            return value
        part = value.shape[at] // mesh.shape[BATCH]
        return jax.lax.dynamic_slice_in_dim(value, jax.lax.axis_index(BATCH) * part, part, at)

    def on_device(trees: Any) -> Any:
        leaves, structure = jax.tree.flatten(trees)
        axes = {str(number): axis(spec) for number, spec in enumerate(jax.tree.leaves(lie))}
        whole = gather_arrays({str(number): leaf for number, leaf in enumerate(leaves)}, axes, mesh.shape[BATCH])
        made = function(*structure.unflatten([whole[str(number)] for number in range(len(leaves))]))
        return jax.tree.map(own, made, results)

    return on_each_device(on_device, mesh, (lie,), results)(trees)


def gather_arrays(shards: Arrays, axes: Axes, devices: int) -> Arrays:
    """The whole arrays of those of which each device has a part; to be called on each device.

    Args:
        shards: by name, this device's part.
        axes: which axis is divided.
        devices: of a slice.
    """
    own, whole = _divide(shards, axes)
    if not own:
        return shards
    if not platform.on_cpu():
        return {**whole, **{n: jax.lax.all_gather(v, BATCH, axis=axes[n] or 0, tiled=True) for n, v in own.items()}}
    rows = jax.lax.all_gather(jnp.concatenate([value.ravel() for value in own.values()]), BATCH)
    parts = _cut(rows, [value.shape for value in own.values()])
    for (name, value), part in zip(own.items(), parts, strict=True):
        axis = axes[name] or 0
        shape = (*value.shape[:axis], devices * value.shape[axis], *value.shape[axis + 1 :])
        whole[name] = jnp.moveaxis(part, 0, axis).reshape(shape)
    return whole


def mean_of_gradients(gradients: Arrays, others: Any, axes: Axes, mesh: Mesh) -> tuple[Arrays, Any]:
    """The mean over the devices of what each of them has computed; to be called on each device.

    Each byte of a gradient crosses from slice to slice once: the devices of a slice add up, each its own part, and
    then the parts go across as one vector.

    Args:
        gradients: whole arrays by name.
        others: a tree of further arrays, none of them divided.
        axes: which axis of each gradient is divided after it.
        mesh: the devices.

    Returns:
        Each device's part of the gradients, and the others.
    """
    if mesh.size == 1:
        return gradients, others
    if slices(mesh) == 1:
        own, rest = _sum_within_slice(*_divide(gradients, axes), others, axes, mesh)
    else:
        own, rest = _sum_over_slices(gradients, others, axes, mesh)
    whole, others = rest
    return jax.tree.map(lambda value: value / mesh.size, ({**own, **whole}, others))


def _sum_over_slices(gradients: Arrays, others: Any, axes: Axes, mesh: Mesh) -> tuple[Arrays, tuple[Arrays, Any]]:
    """Sums over all devices, whose arrays are divided on the way even where they are whole in the end."""
    on_the_way, devices = param_axes(gradients, mesh), mesh.shape[BATCH]
    parts, rest = _sum_within_slice(*_divide(gradients, on_the_way), others, on_the_way, mesh)
    vector, restore = ravel_pytree(rest)
    share = -(-vector.size // devices)
    padded = jnp.pad(vector, (0, share * devices - vector.size))
    mine, split = ravel_pytree((parts, jax.lax.dynamic_slice(padded, (jax.lax.axis_index(BATCH) * share,), (share,))))
    parts, sums = split(jax.lax.psum(mine, SLICE))
    whole, others = restore(jax.lax.all_gather(sums, BATCH, tiled=True)[: vector.size])
    own, passing = _divide(parts, axes)
    passing, (whole, others) = jax.lax.optimization_barrier((passing, (whole, others)))
    return own, ({**whole, **gather_arrays(passing, on_the_way, devices)}, others)


def _sum_within_slice(
    divided: Arrays, whole: Arrays, others: Any, axes: Axes, mesh: Mesh
) -> tuple[Arrays, tuple[Arrays, Any]]:
    """Sums over a slice's devices: of what is divided, this device's part; and of all else."""
    if not platform.on_cpu():
        own = {
            name: jax.lax.psum_scatter(value, BATCH, scatter_dimension=axes[name] or 0, tiled=True)
            for name, value in divided.items()
        }
        return own, jax.lax.psum((whole, others), BATCH)
    vector, restore = ravel_pytree((whole, others))
    if not divided:
        return {}, restore(jax.lax.psum(vector, BATCH))
    devices, parts = mesh.shape[BATCH], {}
    for name, value in divided.items():
        axis = axes[name] or 0
        shape = (*value.shape[:axis], devices, value.shape[axis] // devices, *value.shape[axis + 1 :])
        parts[name] = jnp.moveaxis(value.reshape(shape), axis, 0)
    rows = jnp.concatenate([part.reshape(devices, -1) for part in parts.values()], axis=1)
    sums, vector = jax.lax.optimization_barrier((jax.lax.psum_scatter(rows, BATCH), vector))
    own = dict(zip(parts, _cut(sums, [part.shape[1:] for part in parts.values()]), strict=True))
    return own, restore(jax.lax.psum(vector, BATCH))


def _divide(arrays: Arrays, axes: Axes) -> tuple[Arrays, Arrays]:
    """Those that are divided among devices, and those that are whole."""
    divided = {name: value for name, value in arrays.items() if axes[name] is not None}
    return divided, {name: value for name, value in arrays.items() if name not in divided}


def _cut(rows: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """Rows [..., N] cut along the last axis into arrays [..., *shape]."""
    edges = [0, *itertools.accumulate(map(math.prod, shapes))]
    pieces = [rows[..., start:end] for start, end in itertools.pairwise(edges)]
    return [piece.reshape(*rows.shape[:-1], *shape) for piece, shape in zip(pieces, shapes, strict=True)]
