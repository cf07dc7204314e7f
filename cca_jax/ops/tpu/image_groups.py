"""Blocks of a network for a few images at a time, for training on TPUs.

A TPU's compiler places arrays in on-chip memory (128 MiB on a v5e chip) where they fit. What a block computes for a
whole batch does not: every array between two operations goes through main memory. What it computes for one or two
images does, forward and backward. So the images take turns, in a loop; main memory sees what enters and leaves the
block, and the backward pass computes the rest again.

What enters the blocks of a stack is written where it stays for the gradient, each group in its place: the array of all
of them is carried through the loop and never copied. On the way back a group's cotangent takes its place likewise.

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

GROUP_BYTES = 2**23
"""Of a group's input: a block keeps some ten arrays of that size at once."""

_unwritten = getattr(lax, "empty", jnp.zeros)
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

    For the gradient, what enters each block is kept.

    Args:
        block: pure; it must not close over traced values.
        params: a tree of arrays, [blocks, ...]. Their gradients are added up group by group in their own types.
        x: the images.
    """
    return _forward(block, params, x)[0]


def _forward(block: Block, params: Any, x: Array) -> tuple[Array, tuple[Any, Array]]:
    groups = last_axis_last(x).reshape(-1, group_size(x), *x.shape[1:])
    count = len(jax.tree.leaves(params)[0])

    def turn(planes: Array, place: tuple[Array, Array]) -> tuple[Array, None]:
        number, group = place
        images = block(_get(params, number), _images(planes, number, group))
        return _put(planes, last_axis_last(images), number + 1, group), None

    first = jnp.zeros((), jnp.int32)
    planes = _put(_unwritten((count + 1, *groups.shape), x.dtype), groups, first)
    planes, _ = lax.scan(turn, planes, _places(count, len(groups)))
    return last_axis_last(planes[count].reshape(x.shape)), (params, planes)


def _backward(block: Block, residuals: tuple[Any, Array], cotangent: Array) -> tuple[Any, Array]:
    params, planes = residuals
    count = len(planes) - 1

    def turn(so_far: tuple[Any, Array], place: tuple[Array, Array]) -> tuple[tuple[Any, Array], None]:
        (sums, cotangents), (number, group) = so_far, place
        _, pullback = jax.vjp(block, _get(params, number), _images(planes, number, group))
        to_params, to_images = pullback(_images(cotangents, group))
        sums = jax.tree.map(lambda total, own: _put(total, _get(total, number) + own, number), sums, to_params)
        return (sums, _put(cotangents, last_axis_last(to_images), group)), None

    start = (jax.tree.map(jnp.zeros_like, params), last_axis_last(cotangent).reshape(planes.shape[1:]))
    places = _places(count, len(planes[0]))
    (to_params, to_x), _ = lax.scan(turn, start, places, reverse=True)
    return to_params, last_axis_last(to_x.reshape(cotangent.shape))


blocks_in_image_groups.defvjp(_forward, _backward)


def _places(blocks: int, groups: int) -> tuple[Array, Array]:
    numbers, places = jnp.divmod(jnp.arange(blocks * groups), groups)
    return numbers, places


def _images(planes: Array, *place: Array) -> Array:
    """A group of images, in a buffer of its own: else what reads it would read `planes`, which could not be written."""
    for index in place:
        planes = lax.dynamic_index_in_dim(planes, index, keepdims=False)
    return last_axis_last(lax.optimization_barrier(planes))


def _get(tree: Any, number: Array) -> Any:
    return jax.tree.map(lambda leaf: lax.dynamic_index_in_dim(leaf, number, keepdims=False), tree)


def _put(array: Array, value: Array, *place: Array) -> Array:
    start = (*place, *[jnp.zeros_like(place[0])] * value.ndim)
    return lax.dynamic_update_slice(array, value.reshape(*[1] * len(place), *value.shape), start)
