"""The layer of the integer network."""

from __future__ import annotations

import flax.linen as nn
from jaxtyping import Array

from cca_jax.model.blocks.layers import uniform_within
from cca_jax.model.integer_network.arithmetic import FRACTION_BITS, LARGEST, integer_sums, rounded
from cca_jax.ops.valid_region import ValidRegion, masked


class IntegerConv(nn.Module):
    """A layer of integers with zero padding: [B, H, W, in] to integers [B, H, W, features].

    Attributes:
        features: channels of the output.
        input_bits: fraction of the inputs, see `arithmetic.integer_conv`.
        output_bits: fraction of the outputs.
        size: of the kernel's sides, 3 or 1.
        largest: bound of the inputs.
        initial_bias: what all biases begin with; None draws them as in the other networks.
        initial: what kernel and biases begin with; None draws the kernel.
        rounds: whether sums are scaled and rounded; else they are given as they are.
    """

    features: int
    input_bits: int = FRACTION_BITS
    output_bits: int = FRACTION_BITS
    size: int = 3
    largest: int = LARGEST
    initial_bias: float | None = None
    initial: float | None = None
    rounds: bool = True

    @nn.compact
    def __call__(self, x: Array, region: ValidRegion | None = None) -> Array:
        draw = uniform_within(self.size**2 * x.shape[-1])
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", _constant(self.initial) or draw, shape)
        bias = self.param("bias", _constant(self.initial_bias) or _constant(self.initial) or draw, (self.features,))
        sums = integer_sums(masked(x, region), kernel, bias, self.input_bits, self.output_bits, self.largest)
        return rounded(sums, self.input_bits, self.output_bits) if self.rounds else sums


def _constant(value: float | None) -> nn.initializers.Initializer | None:
    return None if value is None else nn.initializers.constant(value)
