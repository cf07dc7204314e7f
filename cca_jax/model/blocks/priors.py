"""The fully factorised density as a module: it owns the parameters of `ops.likelihoods.density` and the quantiles.

Ballé et al. 2018, appendix 6.1, with filters 3, 3, 3, 3 and initial scale 10.
"""

from __future__ import annotations

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from cca_jax.ops.likelihoods.density import TAIL_MASS, FactorizedParameters, factorized_likelihood, factorized_logits
from cca_jax.ops.quantization.rounding import quantize_around, round_straight_through

_WIDTHS = (1, 3, 3, 3, 3, 1)
INITIAL_SCALE = 10.0
"""Where the outer quantiles begin, and how wide the first density is."""


def initial_matrix_value(layer: int) -> float:
    """The number that fills a layer's first matrix: it makes a density about `INITIAL_SCALE` wide."""
    layer_scale = INITIAL_SCALE ** (1 / (len(_WIDTHS) - 1))
    return math.log(math.expm1(1 / layer_scale / _WIDTHS[layer + 1]))


def _initial_bias(key: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
    return jax.random.uniform(key, shape, dtype, -0.5, 0.5)


def _initial_quantiles(key: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
    del key
    return jnp.broadcast_to(jnp.array([-INITIAL_SCALE, 0.0, INITIAL_SCALE], dtype), shape)


class FactorizedPrior(nn.Module):
    """A density for each of C channels, and the three points of each at which its tables begin, centre and end.

    Attributes:
        channels: C.
    """

    channels: int

    def setup(self) -> None:
        layers = range(len(_WIDTHS) - 1)
        self.parameters = FactorizedParameters(
            matrices=tuple(
                self.param(
                    f"matrix_{i}",
                    nn.initializers.constant(initial_matrix_value(i)),
                    (self.channels, _WIDTHS[i + 1], _WIDTHS[i]),
                )
                for i in layers
            ),
            biases=tuple(self.param(f"bias_{i}", _initial_bias, (self.channels, _WIDTHS[i + 1])) for i in layers),
            factors=tuple(
                self.param(f"factor_{i}", nn.initializers.zeros, (self.channels, _WIDTHS[i + 1])) for i in layers[:-1]
            ),
        )
        self.quantiles = self.param("quantiles", _initial_quantiles, (self.channels, 3))

    def median(self) -> Float[Array, " C"]:
        """The middle quantile, around which values are rounded."""
        return self.quantiles[:, 1]

    def quantize(self, x: Float[Array, "... C"]) -> Float[Array, "... C"]:
        """Rounds around the medians; straight-through to x, no gradient to the medians."""
        return quantize_around(x, jnp.broadcast_to(self.median(), x.shape))

    def symbols(self, x: Float[Array, "... C"]) -> Int32[Array, "... C"]:
        """The integers that are coded: rounded distances from the medians."""
        return jnp.round(x - jnp.broadcast_to(self.median(), x.shape)).astype(jnp.int32)

    def integers(self, x: Float[Array, "... C"]) -> Float[Array, "... C"]:
        """Rounded distances from the medians as floats: the symbols, also of x that was rounded around the medians.

        Straight-through to x, no gradient to the medians.
        """
        return round_straight_through(x - jnp.broadcast_to(jax.lax.stop_gradient(self.median()), x.shape))

    def values(self, symbols: Int32[Array, "... C"]) -> Float[Array, "... C"]:
        """What integers stand for: distances from the medians."""
        return symbols.astype(jnp.float32) + jnp.broadcast_to(self.median(), symbols.shape)

    def likelihood(self, x: Float[Array, "... C"]) -> Float[Array, "... C"]:
        """Probability of the unit bin around x, at least 1e-9."""
        return factorized_likelihood(x, self.parameters)

    def quantile_loss(self) -> Float[Array, ""]:
        """Σ |logit of the cumulative at a quantile - its target|; moves the quantiles only.

        The targets ±ln(2/1e-9 - 1) leave half of the tail mass on each side.
        """
        target = math.log(2 / TAIL_MASS - 1)
        frozen = jax.lax.stop_gradient(self.parameters)
        logits = factorized_logits(self.quantiles.T, frozen)  # [3, C]: channels last, as everywhere
        return jnp.abs(logits - jnp.array([[-target], [0.0], [target]])).sum()
