"""Scales from a network of integers: what is coded depends on nothing that two machines may round differently.

The hyper-latent's integers, multiplied by the rate's factor and clipped to ±127, go through two 3×3 layers that double
the resolution and one that keeps it, all of `ops.integers`. The outcome, lowered by the rate's shifts (`exact_rate`),
is the index of each symbol's coding table.
"""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.config import ModelConfig
from cca_jax.model.integer_network.arithmetic import FRACTION_BITS, LARGEST, bounded, integer_conv
from cca_jax.model.integer_network.rate import FACTOR_BITS, ExactRate
from cca_jax.model.layers import uniform_within
from cca_jax.ops.planes import depth_to_space
from cca_jax.ops.rounding import round_straight_through
from cca_jax.ops.scales import SCALE_COUNT
from cca_jax.ops.valid_region import Extent, masked

INITIAL_BIAS = 1.25
"""Of the last layer, which it raises by 20: the first scales lie around table 20, at 1.3 steps."""

_INPUT_BITS = 2  # of the hyper-latent times the factor


class IntegerConv(nn.Module):
    """A layer of integers, 3×3 with zero padding: [B, H, W, in] within ±127 to integers [B, H, W, features].

    Attributes:
        features: channels of the output.
        input_bits: fraction of the inputs, see `ops.integers.integer_conv`.
        output_bits: fraction of the outputs.
        initial_bias: what all biases begin with; None draws them as in the other networks.
    """

    features: int
    input_bits: int = FRACTION_BITS
    output_bits: int = FRACTION_BITS
    initial_bias: float | None = None

    @nn.compact
    def __call__(self, x: Array, extent: Extent | None = None) -> Array:
        draw = uniform_within(9 * x.shape[-1])
        kernel = self.param("kernel", draw, (3, 3, x.shape[-1], self.features))
        constant = None if self.initial_bias is None else nn.initializers.constant(self.initial_bias)
        bias = self.param("bias", constant or draw, (self.features,))
        return integer_conv(masked(x, extent), kernel, bias, self.input_bits, self.output_bits)


class ExactScales(nn.Module):
    """Integers of the hyper-latent [B, H/64, W/64, Z] to table indexes 0 … 63, [B, H/16, W/16, M], both as floats."""

    config: ModelConfig

    @nn.compact
    def __call__(
        self, integers: Float[Array, "B hz wz Z"], rate: ExactRate | None = None, extent: Extent | None = None
    ) -> Float[Array, "B h w M"]:
        """The rate is that of a model of several."""
        width = 4 * self.config.scale_channels
        x = bounded(integers.astype(jnp.float32), -LARGEST, LARGEST)
        factor = 2.0**FACTOR_BITS if rate is None else rate.factor
        x = bounded(round_straight_through(x * factor * 2.0 ** (_INPUT_BITS - FACTOR_BITS)), -LARGEST, LARGEST)
        for name, bits in (("first", _INPUT_BITS), ("second", FRACTION_BITS)):
            x = depth_to_space(bounded(IntegerConv(width, bits, name=name)(x, extent), 0, LARGEST))
        # Indexes are whole: with a fraction, one step of training would move them by many.
        x = IntegerConv(self.config.latent_channels, output_bits=0, initial_bias=INITIAL_BIAS, name="last")(x, extent)
        x = x if rate is None else x - rate.shift
        return bounded(x, 0, SCALE_COUNT - 1)
