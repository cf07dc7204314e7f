"""Which axis of which array is divided among the devices, where a run's state is sharded (`--shard-state`).

The rule looks at one array at a time, so that a parameter, its gradient, its moments and its average lie alike. Slices
do not share a state: each has all of it, and what they tell each other is one gradient a step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from train.step.mesh import BATCH

_SMALLEST = 1024
_WHOLE = ("hyper_prior/", "auxiliary/prior/")
"""Small parameters that the quantiles' objective reads, outside of the network's gradient."""


def sharded_axis(name: str, shape: tuple[int, ...], devices: int) -> int | None:
    """The largest axis that so many devices divide evenly, the first of equal ones; None for an array that stays whole.

    Arrays of fewer than 1024 numbers stay whole: to tell a device of them takes longer than they are worth.

    Args:
        name: of the parameter.
        shape: its.
        devices: that are close to each other.
    """
    if devices == 1 or math.prod(shape) < _SMALLEST or any(part in name for part in _WHOLE):
        return None
    axes = [axis for axis, length in enumerate(shape) if length % devices == 0]
    return max(axes, key=lambda axis: shape[axis], default=None)


def param_axes(named: Mapping[str, Any], mesh: Mesh, shard: bool = True) -> dict[str, int | None]:
    """The axis of each parameter by name; None for those that stay whole, which are all if not `shard`."""
    devices = mesh.shape[BATCH]
    return {name: sharded_axis(name, value.shape, devices) if shard else None for name, value in named.items()}


def spec_of(axis: int | None) -> PartitionSpec:
    """How an array lies with this axis divided."""
    return PartitionSpec() if axis is None else PartitionSpec(*[None] * axis, BATCH)


def tree_shardings(shapes: Any, mesh: Mesh, shard: bool) -> Any:
    """How each array of a state, or of a part of one, lies on the devices.

    Args:
        shapes: a tree of arrays or their shapes, whose dictionaries are keyed by names of parameters or parts of these.
        mesh: the devices.
        shard: whether the state is sharded.
    """

    def of(path: tuple[Any, ...], leaf: Any) -> NamedSharding:
        name = "/".join(key.key for key in path if isinstance(key, jax.tree_util.DictKey))
        axis = sharded_axis(name, leaf.shape, mesh.shape[BATCH]) if shard and name else None
        return NamedSharding(mesh, spec_of(axis))

    return jax.tree_util.tree_map_with_path(of, shapes)


def bytes_on_a_device(shapes: Any, mesh: Mesh, shard: bool) -> int:
    """What a tree takes in the memory of each device."""
    shardings = jax.tree.leaves(tree_shardings(shapes, mesh, shard))
    pairs = zip(jax.tree.leaves(shapes), shardings, strict=True)
    return sum(math.prod(sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize for leaf, sharding in pairs)
