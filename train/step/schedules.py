"""Learning rate and the weights of terms as pure functions of the step: a resumed run cannot undo them."""

from __future__ import annotations

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from train.recipe.config import TrainConfig

_DROP = 0.1
_COSINE_END = 0.01


def learning_rate(config: TrainConfig, steps_per_epoch: int) -> optax.Schedule:
    """The learning rate of each step, counted from 0.

    "drop": constant, a tenth of it from `drop_at` on (paper section 4.1). "cosine": falls to a hundredth at the end of
    the run. "fall": constant, then the same over the last `fall`. All rise linearly over `warmup`.
    """
    steps = {name: getattr(config, name).steps(steps_per_epoch) for name in ("duration", "drop_at", "fall", "warmup")}
    peak, warmup = config.learning_rate, steps["warmup"]
    if config.learning_rate_decay == "cosine":
        decay = optax.cosine_decay_schedule(peak, max(1, steps["duration"] - warmup), alpha=_COSINE_END)
    elif config.learning_rate_decay == "fall":
        left = max(1, steps["duration"] - warmup)
        fall = min(steps["fall"], left)
        falling = optax.cosine_decay_schedule(peak, fall, alpha=_COSINE_END)
        decay = optax.join_schedules([optax.constant_schedule(peak), falling], [left - fall])
    else:
        decay = optax.piecewise_constant_schedule(peak, {max(0, steps["drop_at"] - warmup): _DROP})
    if warmup == 0:
        return decay
    return optax.join_schedules([optax.linear_schedule(0.0, peak, warmup), decay], [warmup])


def rate_weight(config: TrainConfig, steps_per_epoch: int) -> optax.Schedule:
    """λ of each step: `first_rate_weight` before `drop_at`, the target from there on."""
    switch = config.drop_at.steps(steps_per_epoch)

    def schedule(step: Int[Array, ""]) -> Float[Array, ""]:
        return jnp.where(step < switch, config.first_rate_weight, config.rate_weight)

    return schedule


def hyper_rate_factor(config: TrainConfig, steps_per_epoch: int) -> optax.Schedule:
    """The share of the hyper-latent's rate that counts at each step: rises linearly to 1 over `hyper_warmup`."""
    return _rising(1.0, config.hyper_warmup.steps(steps_per_epoch))


def cca_weight(config: TrainConfig, steps_per_epoch: int) -> optax.Schedule:
    """α of each step: rises linearly over `cca_warmup`, then stays."""
    return _rising(config.cca_weight, config.cca_warmup.steps(steps_per_epoch))


def _rising(value: float, warmup: int) -> optax.Schedule:
    return optax.linear_schedule(0.0, value, warmup) if warmup else optax.constant_schedule(value)
