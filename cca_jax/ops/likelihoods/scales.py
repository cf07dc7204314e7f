"""The scales that have a coding table, as a function of the table's index (Ballé et al. 2018)."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.ops.likelihoods.density import SCALE_FLOOR

SCALE_CEILING = 256.0
"""The largest."""
SCALE_COUNT = 64
"""How many, in equal steps of the logarithm from `SCALE_FLOOR` on."""


INDEX_STEP = 0.12305479932808386
"""ln(256 / 0.11) / 63, between the logarithms of neighbouring scales: a number, for logarithms differ by machine."""


def scale_of_index(index: Float[Array, "..."]) -> Float[Array, "..."]:
    """The scale of each index 0 … 63, with the gradient of the exponential between them."""
    return SCALE_FLOOR * jnp.exp(INDEX_STEP * index)
