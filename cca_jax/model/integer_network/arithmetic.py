"""Layers of integers held in float32, which give the same integers on every machine.

A layer sums at most 9 · 112 products of integers within ±127, and a bias: every sum, in any order, stays under 2**24,
up to where float32 holds each integer. Factors within ±127 are exact in bfloat16 and TF32 too, so that matrix units
which multiply in those and add in float32 change nothing. The sums are scaled by powers of two, rounded (ties to even)
and clipped, all of them exact. Nothing else is used: a library's convolution may transform its operands first
(Winograd, FFT), which is not.

Training runs the very same forward pass; its gradients are straight through the rounding and one-sided at the bounds.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.ops.precision import per_channel
from cca_jax.ops.rounding import lower_bound, round_straight_through

LARGEST = 127
"""Bound of inputs, activations and weights."""
FRACTION_BITS = 4
"""Of an activation: it counts sixteenths."""
_WEIGHT_BITS = 8
_LARGEST_BIAS = 1023  # in 256ths; also exact in float16
_EXACT = 1 << 24


def bounded(x: Float[Array, "..."], low: int, high: int) -> Float[Array, "..."]:
    """Clips to [low, high]; beyond a bound a gradient passes where descent would bring x back."""
    return -lower_bound(-lower_bound(x, float(low)), -float(high))


def integer_kernel(kernel: Float[Array, "3 3 I O"]) -> Float[Array, "3 3 I O"]:
    """Weights in 256ths, rounded and clipped to ±127."""
    return bounded(round_straight_through(kernel * 2**_WEIGHT_BITS), -LARGEST, LARGEST)


def integer_bias(bias: Float[Array, " O"]) -> Float[Array, " O"]:
    """Biases in 256ths, rounded and clipped to ±1023."""
    return bounded(round_straight_through(bias * 2**_WEIGHT_BITS), -_LARGEST_BIAS, _LARGEST_BIAS)


def snapped(values: Float[Array, "..."], leaf: str) -> Float[Array, "..."]:
    """The numbers, exact in float16, that stand for the integers of a layer's `kernel` or `bias`."""
    integers = integer_bias(values) if leaf == "bias" else integer_kernel(values)
    return integers * 2.0**-_WEIGHT_BITS


def integer_conv(
    x: Float[Array, "B H W I"],
    kernel: Float[Array, "3 3 I O"],
    bias: Float[Array, " O"],
    input_bits: int,
    output_bits: int = FRACTION_BITS,
) -> Float[Array, "B H W O"]:
    """A 3×3 convolution with zero padding 1 of integers.

    Args:
        x: integers within ±127.
        kernel: of any numbers; their `integer_kernel` counts.
        bias: likewise, by `integer_bias`; a bias of 1 raises the result by 16, whatever its fraction.
        input_bits: of x's fraction: an input of 1 stands for 2**-input_bits; 0 to `FRACTION_BITS`.
        output_bits: of the result's fraction, likewise.

    Returns:
        Integers, not clipped: 2**output_bits times what the layer would compute of such numbers.

    Raises:
        ValueError: so many input channels that a sum might not be exact.
    """
    height, width, inputs = x.shape[1:]
    # A bias of 1 raises the result by 2**FRACTION_BITS, whatever the result's unit.
    bias_bits = input_bits + FRACTION_BITS - output_bits
    if 9 * inputs * LARGEST**2 + (_LARGEST_BIAS << bias_bits) >= _EXACT:
        raise ValueError(f"sums over {inputs} channels may reach 2**24: a layer of integers takes 112")
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    taps = [padded[:, row : row + height, column : column + width] for row in range(3) for column in range(3)]
    products = jnp.matmul(jnp.concatenate(taps, axis=-1), integer_kernel(kernel).reshape(9 * inputs, -1))
    total = products + per_channel(integer_bias(bias) * 2.0**bias_bits)
    return round_straight_through(total * 2.0 ** (output_bits - input_bits - _WEIGHT_BITS))
