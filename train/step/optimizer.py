"""What is done to all parameters as one vector: clipping, Adam and a moving average (paper section 4.1).

As a tree of five hundred arrays the update alone would take half of a step's compile time, and thousands of kernels.
As a vector of a hundred million numbers each pass over it takes as long as some hundred convolutions, so that what
counts is how many there are: one for the norm, one for each of Adam's moments, one for the change. The barriers keep
XLA from computing the moments again where they are read, which also makes it copy the old ones.
"""

from __future__ import annotations

import operator
from functools import reduce
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, Int32

from cca_jax.ops import platform

_MEAN_DECAY, _SQUARE_DECAY, _EPSILON = 0.9, 0.999, 1e-8
_PARTS = 16
_FEW = 4096


@flax.struct.dataclass
class AdamState:
    """Steps done and both moments, by the names that optax gives them."""

    count: Int32[Array, ""]
    mu: Float[Array, " N"]
    nu: Float[Array, " N"]


def initial_adam(vector: Float[Array, " N"]) -> AdamState:
    """The state before the first step."""
    return AdamState(jnp.zeros((), jnp.int32), jnp.zeros_like(vector), jnp.zeros_like(vector))


def advance_adam(
    gradient: Float[Array, " N"], state: AdamState, learning_rate: float | Float[Array, ""], finite: Bool[Array, ""]
) -> tuple[Float[Array, " N"], AdamState]:
    """What to subtract from the parameters (Kingma and Ba 2015, with bias correction), and the state after it.

    Args:
        gradient: of the parameters.
        state: before the step.
        learning_rate: of this step.
        finite: whether the gradient is; if not, the change is 0 and the state stays.
    """
    count = jnp.where(finite, state.count + 1, state.count)
    mean = _MEAN_DECAY * state.mu + (1 - _MEAN_DECAY) * gradient
    square = _SQUARE_DECAY * state.nu + (1 - _SQUARE_DECAY) * jnp.square(gradient)
    kept = jnp.where(finite, mean, state.mu), jnp.where(finite, square, state.nu)
    rate = learning_rate / (1 - _MEAN_DECAY**count)
    correction = 1 / (1 - _SQUARE_DECAY**count)
    (mean, square), rate, correction = jax.lax.optimization_barrier((kept, rate, correction))
    change = jnp.where(finite, rate * mean / (jnp.sqrt(square * correction) + _EPSILON), 0)
    return jax.lax.optimization_barrier(change), AdamState(count, mean, square)


def clip_by_global_norm(gradient: Float[Array, " N"], max_norm: float) -> tuple[Float[Array, " N"], Float[Array, ""]]:
    """Scales a gradient by max_norm / (norm + 1e-6) where that is below 1, PyTorch's rule; returns the norm too."""
    if not platform.on_cpu():  # left to themselves, compilers take the sum apart again, a kernel for each parameter
        gradient = jax.lax.optimization_barrier(gradient)
    norm = jnp.sqrt(_sum_of_squares(gradient))
    return gradient * jax.lax.optimization_barrier(jnp.minimum(1.0, max_norm / (norm + 1e-6))), norm


def _sum_of_squares(vector: Float[Array, " N"]) -> Float[Array, ""]:
    """Part added to part until little is left: one float32 sum over all squares would lose what is small.

    Elementwise sums, too: XLA's own reduction takes four times as long on the CPU. On others it adds up in parts.
    """
    if not platform.on_cpu():
        return jnp.square(vector).sum()
    terms, total = jnp.square, jnp.zeros((), vector.dtype)
    while vector.size > _FEW:
        length = vector.size // _PARTS
        parts = [terms(vector[part * length : (part + 1) * length]) for part in range(_PARTS)]
        total += terms(vector[_PARTS * length :]).sum()
        vector, terms = jax.lax.optimization_barrier(reduce(operator.add, parts)), jnp.positive
    return total + terms(vector).sum()


def moving_average(
    average: Float[Array, " N"], params: Any, decay: float, step: Int32[Array, ""]
) -> Float[Array, " N"]:
    """The average after step number `step`, counted from 0."""
    # The decay grows to its value: an early average would remember the random start.
    now = jnp.minimum(decay, (1 + step) / (10 + step))
    return now * average + (1 - now) * ravel_pytree(params)[0]
