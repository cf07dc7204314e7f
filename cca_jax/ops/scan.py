"""Loops over stacked parameters whose gradient keeps no second copy of them.

`lax.scan` stacks whatever the backward pass of its body asks for, also what the loop read from an array that is stacked
already: with twenty small parameters a block, most of a gradient's kernels copied those.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

Body = Callable[[Any, Any, Any], tuple[Any, Any]]
"""(carry, one turn's slice of what is scanned, constants) to (carry, one turn's output)."""


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class _Scanned:
    """Stands in a pullback for a leaf of what was scanned, which the backward pass scans again."""

    place: int


def turn_by_turn(body: Body, carry: Any, scanned: Any, constants: Any = None) -> tuple[Any, Any]:
    """`lean_scan` without a loop, whose gradient writes no stacks of what it keeps; for few turns."""
    turns, outputs = _unstacked(scanned), []
    for turn in turns:
        carry, output = body(carry, turn, constants)
        outputs.append(output)
    return carry, jax.tree.map(lambda *leaves: jnp.stack(leaves), *outputs)


@jax.custom_vjp
def _unstacked(scanned: Any) -> list[Any]:
    """One turn's slices after the other; their gradients are stacked, not added up as arrays full of zeros."""
    count = len(jax.tree.leaves(scanned)[0])
    return [jax.tree.map(operator.itemgetter(index), scanned) for index in range(count)]


_unstacked.defvjp(
    lambda scanned: (_unstacked(scanned), None),
    lambda _, turns: (jax.tree.map(lambda *leaves: jnp.stack(leaves), *turns),),
)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def lean_scan(body: Body, carry: Any, scanned: Any, constants: Any = None) -> tuple[Any, Any]:
    """`lax.scan` of `body`, with reverse-mode gradients to the carry and to what is scanned.

    Args:
        body: pure; it must not close over traced values.
        carry: a tree of arrays.
        scanned: a tree of arrays with a leading axis, the turns.
        constants: what every turn sees; it gets no gradient.

    Returns:
        The last carry, and the turns' outputs stacked.
    """
    return lax.scan(lambda carry, index: body(carry, turn_at(scanned, index), constants), carry, _indices(scanned))


def _forward(body: Body, carry: Any, scanned: Any, constants: Any) -> tuple[Any, Any]:
    def advance(carry: Any, index: Array) -> tuple[Any, Any]:
        turn = turn_at(scanned, index)
        (carry, output), pullback = jax.vjp(lambda carry, turn: body(carry, turn, constants), carry, turn)
        places = {id(leaf): _Scanned(place) for place, leaf in enumerate(jax.tree.leaves(turn))}
        return carry, (output, jax.tree.map(lambda leaf: places.get(id(leaf), leaf), pullback))

    carry, (outputs, pullbacks) = lax.scan(advance, carry, _indices(scanned))
    return (carry, outputs), (pullbacks, scanned)


def _backward(body: Body, residuals: tuple[Any, Any], cotangents: tuple[Any, Any]) -> tuple[Any, Any, None]:
    del body  # the pullbacks know it
    (pullbacks, scanned), (to_carry, to_outputs) = residuals, cotangents

    def retreat(so_far: tuple[Any, Any], slices: tuple[Array, Any, Any]) -> tuple[Any, None]:
        (to_carry, to_scanned), (index, pullback, to_output) = so_far, slices
        leaves = jax.tree.leaves(turn_at(scanned, index))
        whole = jax.tree.map(
            lambda leaf: leaves[leaf.place] if isinstance(leaf, _Scanned) else leaf,
            pullback,
            is_leaf=lambda leaf: isinstance(leaf, _Scanned),
        )
        to_carry, to_turn = whole((to_carry, to_output))
        return (to_carry, jax.tree.map(lambda stack, turn: put_turn(stack, turn, index), to_scanned, to_turn)), None

    start = (to_carry, jax.tree.map(jnp.zeros_like, scanned))
    (to_carry, to_scanned), _ = lax.scan(retreat, start, (_indices(scanned), pullbacks, to_outputs), reverse=True)
    return to_carry, to_scanned, None


lean_scan.defvjp(_forward, _backward)


def _indices(scanned: Any) -> Array:
    return jnp.arange(len(jax.tree.leaves(scanned)[0]))


def turn_at(scanned: Any, index: Array) -> Any:
    """One turn's slice of a tree of arrays with a leading axis, the turns."""
    return jax.tree.map(lambda stack: _get(stack, index), scanned)


# Where `jax.vmap` runs several loops side by side, their stacks are [loops, turns, …]. `lax.scan` would transpose them
# all to have the turns first, and their gradients back; these two read and write them as they are.


@jax.custom_batching.custom_vmap
def _get(stack: Array, index: Array) -> Array:
    return lax.dynamic_index_in_dim(stack, index, 0, keepdims=False)


@_get.def_vmap
def _get_side_by_side(size: int, batched: list[bool], stack: Array, index: Array) -> tuple[Array, bool]:
    del size
    if batched != [True, False]:
        raise NotImplementedError("loops side by side share their index, and nothing else")
    return lax.dynamic_index_in_dim(stack, index, 1, keepdims=False), True


@jax.custom_batching.custom_vmap
def put_turn(stack: Array, turn: Array, index: Array) -> Array:
    """[turns, …] with one turn's slice in its place."""
    return lax.dynamic_update_index_in_dim(stack, turn, index, 0)


@put_turn.def_vmap
def _put_side_by_side(size: int, batched: list[bool], stack: Array, turn: Array, index: Array) -> tuple[Array, bool]:
    if batched[2]:
        raise NotImplementedError("loops side by side share their index")
    stack = stack if batched[0] else jnp.broadcast_to(stack, (size, *stack.shape))
    turn = turn if batched[1] else jnp.broadcast_to(turn, (size, *turn.shape))
    return lax.dynamic_update_index_in_dim(stack, turn, index, 1), True
