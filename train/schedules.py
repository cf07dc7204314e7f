"""Learning rate and rate weight as pure functions of the step."""

from __future__ import annotations

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int


def warmup_cosine(peak: float, steps: int, warmup: int) -> optax.Schedule:
    """Rises linearly to `peak` in `warmup` steps and falls on a cosine to a hundredth of it at `steps`.

    The released recipe (constant, then a tenth of it for the last seventh) needs runs of days to pay; in a run of
    hours the cosine's slow end does the same work.
    """
    return optax.warmup_cosine_decay_schedule(0.0, peak, warmup, max(steps, warmup + 1), end_value=peak / 100)


def two_rate_weights(first: float, target: float, switch: int) -> optax.Schedule:
    """`first` until step `switch`, the target λ from there on, as released: a model learns at a high rate first."""

    def schedule(step: Int[Array, ""]) -> Float[Array, ""]:
        return jnp.where(step < switch, first, target)

    return schedule
