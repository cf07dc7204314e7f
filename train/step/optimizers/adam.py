"""Adam as it was released (Kingma and Ba 2015, with bias correction; paper section 4.1), as optax would have it.

Its numbers are those of `optax.adam` to rounding: the bias corrections are applied to the learning rate and to the
square, not to both moments, and it does the skipping of steps that are not finite itself. Of a vector of a hundred
million numbers each pass takes as long as some hundred convolutions, so that what counts is how many there are: one for
each moment and one for the change. The barriers keep XLA from computing the moments again where they are read, which
also makes it copy the old ones. Arrays need none: all that is done to one is one kernel.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float

from train.step.optimizers.layout import is_vector


def adam(
    learning_rate: float | Float[Array, ""], b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> optax.GradientTransformationExtraArgs:
    """Adam at a learning rate; its state is optax's, so that what reads optax's states reads this one.

    Args:
        learning_rate: of this step.
        b1: decay of the first moment.
        b2: decay of the second.
        eps: added to the root of the second.

    Returns:
        The transformation. Its `update` takes `finite`, whether the gradient is; if not, nothing changes.
    """

    def init(params: Any) -> optax.ScaleByAdamState:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return optax.ScaleByAdamState(jnp.zeros((), jnp.int32), zeros, jax.tree.map(jnp.zeros_like, params))

    def update(
        gradient: Any, state: Any, params: Any = None, *, finite: Bool[Array, ""], **extra: Any
    ) -> tuple[Any, optax.ScaleByAdamState]:
        barrier = jax.lax.optimization_barrier if is_vector(gradient) else (lambda tree: tree)
        count = jnp.where(finite, state.count + 1, state.count)

        def mean(moment: Array, gradient: Array) -> Array:
            return jnp.where(finite, b1 * moment + (1 - b1) * gradient, moment)

        def square(moment: Array, gradient: Array) -> Array:
            return jnp.where(finite, b2 * moment + (1 - b2) * jnp.square(gradient), moment)

        kept = jax.tree.map(mean, state.mu, gradient), jax.tree.map(square, state.nu, gradient)
        rate = learning_rate / (1 - b1**count)
        correction = 1 / (1 - b2**count)
        (mu, nu), rate, correction = barrier((kept, rate, correction))

        def change(mean: Array, square: Array) -> Array:
            return jnp.where(finite, -(rate * mean / (jnp.sqrt(square * correction) + eps)), 0)

        return barrier(jax.tree.map(change, mu, nu)), optax.ScaleByAdamState(count, mu, nu)

    return optax.GradientTransformationExtraArgs(init, update)
