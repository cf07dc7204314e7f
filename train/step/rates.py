"""Which rate each image is trained for, in a model of several."""

from __future__ import annotations

import jax
from jaxtyping import Array, Float

from cca_jax.config import ModelConfig
from cca_jax.model.rates import rate_weight_at


def draw_rates(config: ModelConfig, key: Array, count: int) -> tuple[Float[Array, " N"], Float[Array, " N"]]:
    """Positions for `count` images, uniform over the model's rates, and their λ: a pure function of the key.

    Each image has its own of `count` equal parts of the range: a small batch that happened to be of high rates alone
    would give another gradient than one of low rates.
    """
    order, within = jax.random.split(key)
    parts = jax.random.permutation(order, count) + jax.random.uniform(within, (count,))
    positions = parts * ((config.num_rates - 1) / count)
    return positions, rate_weight_at(config, positions)
