"""What the coding tables of the hyper-latent are made of: the trained density at integer distances from its medians."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cca_jax.config import ModelConfig
from cca_jax.model.cca import CCAModel

_LARGEST_REACH = 1 << 12
"""Symbols a table may reach to either side; a channel of wider tails codes them by the escape."""


def hyper_pmfs(config: ModelConfig, params: Any) -> tuple[list[np.ndarray], list[int]]:
    """Probabilities of the hyper-latent's symbols between the outer quantiles of each channel.

    Args:
        config: the model's sizes.
        params: its parameters (any floating type).

    Returns:
        Z arrays float64 [n] and the Z symbols of their first entries.
    """
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), params)
    quantiles = np.asarray(params["hyper_prior"]["quantiles"], np.float64)
    below = np.clip(np.ceil(quantiles[:, 1] - quantiles[:, 0]), 0, _LARGEST_REACH).astype(int)
    above = np.clip(np.ceil(quantiles[:, 2] - quantiles[:, 1]), 0, _LARGEST_REACH).astype(int)
    symbols = np.arange(-below.max(), above.max() + 1)
    likelihoods = np.asarray(_likelihoods(CCAModel(config), params, symbols), np.float64)
    pmfs = [
        likelihoods[(symbols >= -low) & (symbols <= high), channel]
        for channel, (low, high) in enumerate(zip(below, above, strict=True))
    ]
    # Float32 and the floor under every likelihood may put a sum a little over 1.
    return [pmf / max(pmf.sum(), 1.0) for pmf in pmfs], (-below).tolist()


@partial(jax.jit, static_argnums=0)
def _likelihoods(model: CCAModel, params: Any, symbols: jax.Array) -> jax.Array:
    every_channel = jnp.broadcast_to(symbols[:, None], (len(symbols), model.config.hyper_channels))
    values = model.apply({"params": params}, every_channel, method="hyper_values")
    return model.apply({"params": params}, values, method="hyper_likelihood")
