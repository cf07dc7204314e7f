"""Which rate each image is trained for, in a model of several."""

from __future__ import annotations

import jax
from jaxtyping import Array, Float

from cca_jax.config import ModelConfig
from cca_jax.model.rates import rate_weight_at


def draw_rates(config: ModelConfig, key: Array, count: int) -> tuple[Float[Array, " N"], Float[Array, " N"]]:
    """Positions for `count` images, uniform over the model's rates, and their λ: a pure function of the key."""
    positions = jax.random.uniform(key, (count,), maxval=config.num_rates - 1)
    return positions, rate_weight_at(config, positions)
