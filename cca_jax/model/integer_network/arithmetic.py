"""Layers of integers held in float32, which give the same integers on every machine.

A 3×3 layer sums at most 9 · 112 products of integers within ±127, and a bias: every sum, in any order, stays under
2**24, up to where float32 holds each integer. Factors within ±127 are exact in bfloat16 and TF32 too, so that matrix
units which multiply in those and add in float32 change nothing. The sums are scaled by powers of two, rounded (ties to
even) and clipped, all of them exact. Nothing else is used: a library's convolution may transform its operands first
(Winograd, FFT), which is not.

Training runs the very same forward pass; its gradients are straight through the rounding and one-sided at the bounds.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.ops.planes import pad_once
from cca_jax.ops.precision import per_channel
from cca_jax.ops.quantization.rounding import lower_bound, round_straight_through

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


def integer_kernel(kernel: Float[Array, "k k I O"]) -> Float[Array, "k k I O"]:
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
    kernel: Float[Array, "k k I O"],
    bias: Float[Array, " O"],
    input_bits: int,
    output_bits: int = FRACTION_BITS,
    largest: int = LARGEST,
) -> Float[Array, "B H W O"]:
    """A convolution of integers, k×k with k odd and zero padding k // 2.

    Args:
        x: integers within ± `largest`.
        kernel: of any numbers; their `integer_kernel` counts.
        bias: likewise, by `integer_bias`; a bias of 1 raises the result by 16, whatever its fraction.
        input_bits: of x's fraction: an input of 1 stands for 2**-input_bits; 0 to `FRACTION_BITS`.
        output_bits: of the result's fraction, likewise.
        largest: bound of x, at most 256: more bits a matrix unit of bfloat16 would not hold.

    Returns:
        Integers, not clipped: 2**output_bits times what the layer would compute of such numbers.

    Raises:
        ValueError: so many input channels that a sum might not be exact.
    """
    return rounded(integer_sums(x, kernel, bias, input_bits, output_bits, largest), input_bits, output_bits)


def integer_sums(
    x: Float[Array, "B H W I"],
    kernel: Float[Array, "k k I O"],
    bias: Float[Array, " O"],
    input_bits: int,
    output_bits: int = FRACTION_BITS,
    largest: int = LARGEST,
) -> Float[Array, "B H W O"]:
    """The sums of `integer_conv` before they are rounded: integers under 2**24, for `rounded`."""
    (height, width, inputs), side = x.shape[1:], kernel.shape[0]
    # A bias of 1 raises the result by 2**FRACTION_BITS, whatever the result's unit.
    bias_bits = input_bits + FRACTION_BITS - output_bits
    if side**2 * inputs * largest * LARGEST + (_LARGEST_BIAS << bias_bits) >= _EXACT:
        most = (_EXACT - 1 - (_LARGEST_BIAS << bias_bits)) // (side**2 * largest * LARGEST)
        raise ValueError(f"sums over {inputs} channels may reach 2**24: a layer of integers takes {most}")
    around = side // 2
    padded = pad_once(x, around, around) if around else x
    taps = [padded[:, row : row + height, column : column + width] for row in range(side) for column in range(side)]
    products = jnp.matmul(jnp.concatenate(taps, axis=-1), integer_kernel(kernel).reshape(side**2 * inputs, -1))
    return products + per_channel(integer_bias(bias) * 2.0**bias_bits)


def rounded(sums: Float[Array, "B H W O"], input_bits: int, output_bits: int) -> Float[Array, "B H W O"]:
    """What `integer_sums` of these fractions stand for, as integers of the result's fraction; halves to even."""
    return round_straight_through(sums * 2.0 ** (output_bits - input_bits - _WEIGHT_BITS))
