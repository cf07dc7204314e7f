"""Rounding that a search can see through: between two integers in proportion, and at its end rounding itself.

Stochastic Gumbel annealing (Yang, Bamler and Mandt 2020, "Improving inference for neural image compression",
section 3.2): a value is its floor or the integer above, drawn by a softmax of the distances at a temperature, and the
draw is relaxed with the same temperature (Jang et al. 2017). Towards 0 it rounds.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_EDGE = 1e-4
"""How near to an integer a distance's inverse hyperbolic tangent is taken."""


def annealed_round(
    x: Float[Array, "*axes"], temperature: Float[Array, ""], noise: Float[Array, "*axes"]
) -> Float[Array, "*axes"]:
    """Between floor(x) and floor(x) + 1, with a gradient to x through the share of the upper one.

    Args:
        x: any numbers.
        temperature: above 0; at 0.5 nearly any mixture, at 0.1 nearly an integer.
        noise: of a standard logistic distribution, which is the difference of the two Gumbel variables that
            draw; 0 takes the likeliest mixture.
    """
    below = jax.lax.stop_gradient(jnp.floor(x))
    part = jnp.clip(x - below, _EDGE, 1 - _EDGE)
    logit = (jnp.arctanh(part) - jnp.arctanh(1 - part)) / temperature
    return below + jax.nn.sigmoid((logit + noise) / temperature)


def logistic_noise(key: Array, shape: tuple[int, ...]) -> Float[Array, "..."]:
    """The noise of `annealed_round`."""
    return jax.random.logistic(key, shape)
