"""The bound of a gradient's global norm, by PyTorch's rule."""

from __future__ import annotations

import operator
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.ops import platform
from train.step.optimizers.layout import is_vector

_PARTS = 16
_FEW = 4096


def clip_by_global_norm(
    gradient: Any, max_norm: float, squares: Float[Array, ""] | None = None
) -> tuple[Any, Float[Array, ""]]:
    """Scales a gradient by max_norm / (norm + 1e-6) where that is below 1, PyTorch's rule; returns the norm too.

    Args:
        gradient: a vector, or a tree of arrays.
        max_norm: the bound.
        squares: the sum of its squares, where its parts lie on several devices; None computes it.
    """
    barrier = jax.lax.optimization_barrier if is_vector(gradient) else (lambda tree: tree)
    if not platform.on_cpu():  # left to themselves, compilers take a vector's sum apart, a kernel for each parameter
        gradient = barrier(gradient)
    norm = jnp.sqrt(sum_of_squares(gradient) if squares is None else squares)
    scale = barrier(jnp.minimum(1.0, max_norm / (norm + 1e-6)))
    return jax.tree.map(lambda value: value * scale, gradient), norm


def sum_of_squares(gradient: Any) -> Float[Array, ""]:
    """Of a vector, or of a tree of arrays.

    A vector's on the CPU: part added to part until little is left. One float32 sum over all squares would lose what is
    small. Elementwise sums, too: XLA's own reduction takes four times as long there. On others it adds up in parts.
    """
    if not is_vector(gradient):
        return reduce(operator.add, [jnp.square(value).sum() for value in jax.tree.leaves(gradient)], jnp.zeros(()))
    if not platform.on_cpu():
        return jnp.square(gradient).sum()
    terms, total, vector = jnp.square, jnp.zeros((), gradient.dtype), gradient
    while vector.size > _FEW:
        length = vector.size // _PARTS
        parts = [terms(vector[part * length : (part + 1) * length]) for part in range(_PARTS)]
        total += terms(vector[_PARTS * length :]).sum()
        vector, terms = jax.lax.optimization_barrier(reduce(operator.add, parts)), jnp.positive
    return total + terms(vector).sum()
