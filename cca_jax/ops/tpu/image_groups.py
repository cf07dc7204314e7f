"""Blocks of a network for a few images at a time, for training on TPUs.

A TPU's compiler places arrays in on-chip memory (128 MiB on a v5e chip) where they fit. What a block computes for a
whole batch does not: every array between two operations goes through main memory. What it computes for one or two
images does, forward and backward. So the images take turns, in a loop; main memory sees what enters and leaves the
block, and the backward pass computes the rest again.

What enters the blocks of a stack is written where it stays for the gradient, each group in its place, block after
block: the array of all of them is carried through the loop and never copied. On the way back a group's cotangent takes
its place likewise. One index counts the loop's turns: block · groups + group.

What enters and leaves has the channels last. The compiler would choose for each kind of block: planes of 128 columns
and 96 channels, say, had the columns last. Then other blocks' kernels transpose what they read, and the blocks of the
two transforms, which are alike, become different programs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from cca_jax.ops.layout import last_axis_last
from cca_jax.ops.scan import put_turn, turn_at

GROUP_BYTES = 2**23
"""Of a group's input: a block keeps some ten arrays of that size at once."""

_empty = getattr(lax, "empty", jnp.zeros)
"""JAX 0.5 has only arrays that are written."""

Block = Callable[[Any, Array], Array]
"""Parameters and [b, H, W, C] to an array of the same shape; every image by itself."""


def group_size(x: Float[Array, "B H W C"]) -> int:
    """How many images take a turn together: the largest divisor of B whose input is within `GROUP_BYTES`, or 1."""
    batch = len(x)
    fitting = max(1, GROUP_BYTES * batch // (x.size * x.dtype.itemsize))
    return max(size for size in range(1, batch + 1) if batch % size == 0 and size <= fitting)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def blocks_in_image_groups(block: Block, params: Any, x: Float[Array, "B H W C"]) -> Float[Array, "B H W C"]:
    """`block` once for each of the stacked `params`, `group_size(x)` images at a time.

    For the gradient, what enters each block is kept, and what leaves the last.

    Args:
        block: pure; it must not close over traced values.
        params: a tree of arrays, [blocks, ...]. Their gradients are added up group by group in their own types.
        x: the images.
    """
    groups = _groups(x)
    count, turns = _blocks(params), len(groups)

    def turn(groups: Array, at: Array) -> tuple[Array, None]:
        images = block(turn_at(params, at // turns), _images(groups, at % turns))
        return put_turn(groups, last_axis_last(images), at % turns), None

    return _whole(lax.scan(turn, groups, jnp.arange(count * turns))[0], x)


def _forward(block: Block, params: Any, x: Array) -> tuple[Array, tuple[Any, Array]]:
    groups = _groups(x)
    count, turns = _blocks(params), len(groups)

    def turn(kept: Array, at: Array) -> tuple[Array, None]:
        images = block(turn_at(params, at // turns), _images(kept, at))
        return put_turn(kept, last_axis_last(images), at + turns), None

    unwritten = _empty(((count + 1) * turns, *groups.shape[1:]), x.dtype)
    kept, _ = lax.scan(turn, lax.dynamic_update_slice_in_dim(unwritten, groups, 0, 0), jnp.arange(count * turns))
    return _whole(kept[count * turns :], x), (params, kept)


def _backward(block: Block, residuals: tuple[Any, Array], cotangent: Array) -> tuple[Any, Array]:
    params, kept = residuals
    groups = _groups(cotangent)
    count, turns = _blocks(params), len(groups)

    def turn(so_far: tuple[Any, Array], at: Array) -> tuple[tuple[Any, Array], None]:
        (sums, cotangents), number, group = so_far, at // turns, at % turns
        _, pullback = jax.vjp(block, turn_at(params, number), _images(kept, at))
        to_params, to_images = pullback(_images(cotangents, group))
        sums = jax.tree.map(lambda total, own: put_turn(total, turn_at(total, number) + own, number), sums, to_params)
        return (sums, put_turn(cotangents, last_axis_last(to_images), group)), None

    start = (jax.tree.map(jnp.zeros_like, params), groups)
    (to_params, to_x), _ = lax.scan(turn, start, jnp.arange(count * turns), reverse=True)
    return to_params, _whole(to_x, cotangent)


blocks_in_image_groups.defvjp(_forward, _backward)


def _blocks(params: Any) -> int:
    return len(jax.tree.leaves(params)[0])


def _groups(x: Float[Array, "B H W C"]) -> Float[Array, "groups b H W C"]:
    return last_axis_last(x).reshape(-1, group_size(x), *x.shape[1:])


def _whole(groups: Float[Array, "groups b H W C"], like: Array) -> Float[Array, "B H W C"]:
    return last_axis_last(groups.reshape(like.shape))


def _images(groups: Array, index: Array) -> Array:
    """A group of images, in a buffer of its own: else what reads it would read `groups`, which could not be written."""
    return last_axis_last(lax.optimization_barrier(turn_at(groups, index)))
