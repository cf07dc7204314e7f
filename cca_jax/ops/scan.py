"""Loops over stacked parameters whose gradient keeps no second copy of them.

`lax.scan` stacks whatever the backward pass of its body asks for, also what the loop read from an array that is stacked
already: with twenty small parameters a block, most of a gradient's kernels copied those.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax import lax

Body = Callable[[Any, Any, Any], tuple[Any, Any]]
"""(carry, one turn's slice of what is scanned, constants) to (carry, one turn's output)."""


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class _Scanned:
    """Stands in a pullback for a leaf of what was scanned, which the backward pass scans again."""

    place: int


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
    return lax.scan(lambda carry, turn: body(carry, turn, constants), carry, scanned)


def _forward(body: Body, carry: Any, scanned: Any, constants: Any) -> tuple[Any, Any]:
    def advance(carry: Any, turn: Any) -> tuple[Any, Any]:
        (carry, output), pullback = jax.vjp(lambda carry, turn: body(carry, turn, constants), carry, turn)
        places = {id(leaf): _Scanned(place) for place, leaf in enumerate(jax.tree.leaves(turn))}
        return carry, (output, jax.tree.map(lambda leaf: places.get(id(leaf), leaf), pullback))

    carry, (outputs, pullbacks) = lax.scan(advance, carry, scanned)
    return (carry, outputs), (pullbacks, scanned)


def _backward(body: Body, residuals: tuple[Any, Any], cotangents: tuple[Any, Any]) -> tuple[Any, Any, None]:
    del body  # the pullbacks know it
    to_carry, to_outputs = cotangents

    def retreat(to_carry: Any, slices: tuple[Any, Any, Any]) -> tuple[Any, Any]:
        pullback, turn, to_output = slices
        leaves = jax.tree.leaves(turn)
        whole = jax.tree.map(
            lambda leaf: leaves[leaf.place] if isinstance(leaf, _Scanned) else leaf,
            pullback,
            is_leaf=lambda leaf: isinstance(leaf, _Scanned),
        )
        return whole((to_carry, to_output))

    to_carry, to_scanned = lax.scan(retreat, to_carry, (*residuals, to_outputs), reverse=True)
    return to_carry, to_scanned, None


lean_scan.defvjp(_forward, _backward)
