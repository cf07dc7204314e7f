"""A block of a network for a few images at a time, for training on TPUs.

A TPU's compiler places arrays in on-chip memory (128 MiB on a v5e chip) where they fit. What a block computes for a
whole batch does not: every array between two operations goes through main memory. What it computes for one or two
images does, forward and backward. So the images take turns, in a loop; main memory sees what enters and leaves the
block, and the backward pass computes the rest again.

What enters and leaves has the channels last. The compiler would choose for each kind of block: planes of 128 columns
and 96 channels, say, had the columns last. Then other blocks' kernels transpose what they read, and the blocks of the
two transforms, which are alike, become different programs.
"""

from __future__ import annotations

import operator
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

Block = Callable[[Any, Array], Array]
"""Parameters and [b, H, W, C] to an array of the same shape; every image by itself."""


def group_size(x: Float[Array, "B H W C"]) -> int:
    """How many images take a turn together: the largest divisor of B whose input is within `GROUP_BYTES`, or 1."""
    batch = len(x)
    fitting = max(1, GROUP_BYTES * batch // (x.size * x.dtype.itemsize))
    return max(size for size in range(1, batch + 1) if batch % size == 0 and size <= fitting)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def in_image_groups(block: Block, params: Any, x: Float[Array, "B H W C"]) -> Float[Array, "B H W C"]:
    """`block(params, x)`, `group_size(x)` images at a time; for the gradient only its arguments are kept.

    Args:
        block: pure; it must not close over traced values.
        params: a tree of arrays. Their gradients are added up group by group in their own types.
        x: the images.
    """

    def turn(images: Array) -> Array:
        return last_axis_last(block(params, last_axis_last(images)))

    return _images(lax.map(turn, _groups(x)), x)


def _groups(x: Array) -> Array:
    return last_axis_last(x).reshape(-1, group_size(x), *x.shape[1:])


def _images(groups: Array, like: Array) -> Array:
    return last_axis_last(groups.reshape(like.shape))


def _forward(block: Block, params: Any, x: Array) -> tuple[Array, tuple[Any, Array]]:
    return in_image_groups(block, params, x), (params, x)


def _backward(block: Block, residuals: tuple[Any, Array], cotangent: Array) -> tuple[Any, Array]:
    params, x = residuals

    def turn(so_far: Any, group: tuple[Array, Array]) -> tuple[Any, Array]:
        images, cotangents = map(last_axis_last, group)
        _, pullback = jax.vjp(block, params, images)
        to_params, to_images = pullback(cotangents)
        return jax.tree.map(operator.add, so_far, to_params), last_axis_last(to_images)

    start = jax.tree.map(jnp.zeros_like, params)
    to_params, to_x = lax.scan(turn, start, (_groups(x), _groups(cotangent)))
    return to_params, _images(to_x, x)


in_image_groups.defvjp(_forward, _backward)
