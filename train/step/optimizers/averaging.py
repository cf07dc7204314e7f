"""The moving average of the parameters, which is validated and exported."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int32


def moving_average(average: Any, params: Any, decay: float, step: Int32[Array, ""]) -> Any:
    """The average after step number `step`, counted from 0; average and parameters in the same layout."""
    # The decay grows to its value: an early average would remember the random start.
    now = jnp.minimum(decay, (1 + step) / (10 + step))
    return jax.tree.map(lambda average, value: now * average + (1 - now) * value, average, params)
