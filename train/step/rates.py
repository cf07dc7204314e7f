"""Which rate each image is trained for, in a model of several."""

from __future__ import annotations

import jax
from jaxtyping import Array

from cca_jax.config import ModelConfig
from cca_jax.model.rates import RatePoint


def draw_rates(config: ModelConfig, key: Array, count: int) -> RatePoint:
    """Rate points of `count` images, uniform over the model's rates: a pure function of the key.

    Each image has its own of `count` equal parts of the range: a small batch that happened to be of high rates alone
    would give another gradient than one of low rates.
    """
    order, within = jax.random.split(key)
    parts = jax.random.permutation(order, count) + jax.random.uniform(within, (count,))
    return RatePoint.at(config, parts * ((config.num_rates - 1) / count))
