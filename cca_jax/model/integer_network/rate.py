"""The integer network's inputs that state the rate; they are integers too.

A coarser step makes the hyper-latent and all scales smaller, both counted in steps. The network works in one unit for
all rates: its inputs are multiplied by an overall step, and its outputs are lowered by the logarithm of each channel's
step. Coding computes both from the stored numbers and the quality with integer arithmetic alone.
"""

from __future__ import annotations

import math

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int64

from cca_jax.config import ModelConfig
from cca_jax.ops.likelihoods.scales import INDEX_STEP
from cca_jax.ops.quantization.rounding import round_straight_through
from cca_jax.ops.quantization.step_sizes import interpolate_rows

FACTOR_BITS = 6
"""A factor counts 64ths."""
SHIFT_UNITS = 16
"""Parts of a table in which a row's shift is counted, before interpolation."""


@flax.struct.dataclass
class IntegerRate:
    """Of each image, integers held in float32.

    Attributes:
        factor: what multiplies the hyper-latent's integers, in 64ths: [B, 1, 1, 1].
        shift: by how many tables a channel's indexes are lowered: [B, 1, 1, M].
    """

    factor: Float[Array, "B 1 1 1"]
    shift: Float[Array, "B 1 1 M"]


def trained_rate(config: ModelConfig, log_steps: Float[Array, "K M"], rate_index: Float[Array, " B"]) -> IntegerRate:
    """At any positions from 0 to K - 1, with gradients straight through the rounding.

    Args:
        config: the model's sizes.
        log_steps: the learned logarithms of the step sizes.
        rate_index: positions among the rates.
    """
    factor = interpolate_rows(jnp.asarray(_factors(config)[:, None], jnp.float32), rate_index)
    units = round_straight_through(log_steps * (SHIFT_UNITS / INDEX_STEP))
    shift = interpolate_rows(units, rate_index) / SHIFT_UNITS
    return IntegerRate(*(_round_half_up(array)[:, None, None] for array in (factor, shift)))


def _round_half_up(x: Array) -> Array:
    """As the division of integers does; the gradient passes straight through."""
    return x + jax.lax.stop_gradient(jnp.floor(x + 0.5) - x)


def coded_rate(
    config: ModelConfig, log_steps: Float[np.ndarray, "K M"], numerator: int, denominator: int
) -> IntegerRate:
    """At one position that is a fraction, the same on every machine.

    Args:
        config: the model's sizes.
        log_steps: as stored.
        numerator: of the position, 0 to (K - 1) · denominator.
        denominator: at least 1.
    """
    row = min(numerator // denominator, config.num_rates - 2)
    upper = numerator - row * denominator
    factors, shifts = rate_rows(config, log_steps)

    def between(table: np.ndarray, units: int) -> np.ndarray:
        total = table[row] * (denominator - upper) + table[row + 1] * upper
        return (2 * total + denominator * units) // (2 * denominator * units)

    factor, shift = between(factors[:, None], 1), between(shifts, SHIFT_UNITS)
    return IntegerRate(*(jnp.asarray(array, jnp.float32).reshape(1, 1, 1, -1) for array in (factor, shift)))


def rate_rows(
    config: ModelConfig, log_steps: Float[np.ndarray, "K M"]
) -> tuple[Int64[np.ndarray, " K"], Int64[np.ndarray, "K M"]]:
    """The factor and the shifts, in 16ths, at each of the model's rates."""
    shifts = np.rint(np.asarray(log_steps, np.float64) * (SHIFT_UNITS / INDEX_STEP)).astype(np.int64)
    return _factors(config), shifts


def _factors(config: ModelConfig) -> np.ndarray:
    """Of each rate weight: √λ around the middle of the range, which is about how steps grow; int64 [K]."""
    weights = config.rate_weights
    middle = math.sqrt(weights[0] * weights[-1])  # square roots and products round alike everywhere
    return np.array([round(math.sqrt(weight / middle) * 2**FACTOR_BITS) for weight in weights], np.int64)
