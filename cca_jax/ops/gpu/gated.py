"""A depthwise convolution and the gate behind it as one function, for GPUs.

There every pass over a plane in main memory counts. So what lies between convolution and gate is never written: the
backward pass computes it again from the convolution's input, and all sums of the kernel's gradient are one reduction.
"""

from __future__ import annotations

import math
import operator
from functools import reduce

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from cca_jax.ops.gpu.stored import stored
from cca_jax.ops.precision import per_channel

_SQUARE = 8
_ALL = slice(None)
TAPS = [(row, column) for row in range(3) for column in range(3)]


@jax.custom_vjp
def gate(x: Float[Array, "B H W C"]) -> Float[Array, "B H W C//2"]:
    """The product of the two halves of the channels."""
    half = x.shape[-1] // 2
    return x[..., :half] * x[..., half:]


def _gate_backward(x: Array, cotangent: Array) -> tuple[Array]:
    return (_swapped(x) * _doubled(cotangent),)


def _swapped(x: Array) -> Array:
    """The halves of the channels in the other order: read so, they need not be concatenated."""
    return x.reshape(*x.shape[:-1], 2, -1)[..., ::-1, :].reshape(x.shape)


def _doubled(x: Array) -> Array:
    """The channels twice."""
    twice = (*x.shape[:-1], 2, x.shape[-1])
    return jnp.broadcast_to(x[..., None, :], twice).reshape(*x.shape[:-1], -1)


gate.defvjp(lambda x: (gate(x), x), _gate_backward)


@jax.custom_vjp
def gated_depthwise(
    x: Float[Array, "B H W C"], kernel: Float[Array, "3 3 C"], bias: Float[Array, " C"]
) -> Float[Array, "B H W C//2"]:
    """`gate` of the depthwise 3×3 convolution of x with bias; in x's type, the convolution in the kernel's."""
    half = x.shape[-1] // 2
    first, second = (_convolved(x, kernel, bias, part) for part in (slice(half), slice(half, None)))
    # The barrier: without it, the kernel ends at the wider numbers, of which a plane's means could be taken.
    return stored((first * second).astype(x.dtype))


def _convolved(x: Array, kernel: Array, bias: Array | None, channels: slice = _ALL) -> Array:
    """Of these channels, in the kernel's type."""
    views = zip(TAPS, _views(x, channels), strict=True)
    products = [view.astype(kernel.dtype) * per_channel(kernel[tap][channels]) for tap, view in views]
    return reduce(operator.add, products if bias is None else [*products, per_channel(bias[channels])])


def _views(x: Array, channels: slice = _ALL) -> list[Array]:
    """What each tap meets at every position; the channels are cut from its view, for cut from x they are written."""
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return [padded[:, row : row + height, column : column + width, channels] for row, column in TAPS]


def _forward(x: Array, kernel: Array, bias: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    return gated_depthwise(x, kernel, bias), (x, kernel, bias)


def _backward(residuals: tuple[Array, Array, Array], cotangent: Array) -> tuple[Array, Array, Array]:
    x, kernel, bias = residuals
    to_sum = (_swapped(_convolved(x, kernel, bias)) * _doubled(cotangent).astype(kernel.dtype)).astype(x.dtype)
    # Written once, in x's type: three kernels read it.
    to_sum = stored(to_sum)
    to_x = stored(_convolved(to_sum, jnp.flip(kernel, (0, 1)), None).astype(x.dtype))
    wide = to_sum.astype(kernel.dtype)
    *to_taps, to_bias = _sums_at_once([*(view.astype(kernel.dtype) * wide for view in _views(x)), wide])
    return to_x, jnp.stack(to_taps).reshape(kernel.shape), to_bias


def _sums_at_once(terms: list[Float[Array, "B H W C"]]) -> list[Float[Array, " C"]]:
    """The sums over all positions of several arrays, which are computed where they are added up, in one kernel.

    First those of small squares, one thread each: a GPU's kernel for sums of whole columns has no room for so many.
    """
    batch, height, width, channels = terms[0].shape
    # At least two squares side by side: sums of a lone one are taken for sums of whole columns, and do not compile.
    rows, columns = math.gcd(height, _SQUARE), math.gcd(width, _SQUARE)
    columns = columns // 2 if columns == width > 1 else columns
    squares = [v.reshape(batch, height // rows, rows, width // columns, columns, channels) for v in terms]

    def add(totals: tuple[Array, ...], more: tuple[Array, ...]) -> tuple[Array, ...]:
        return tuple(map(operator.add, totals, more))

    zeros = (jnp.zeros((), terms[0].dtype),) * len(terms)
    partial = lax.reduce(tuple(squares), zeros, add, (2, 4))
    return list(jnp.stack([stored(sums) for sums in partial]).sum((1, 2, 3)))


gated_depthwise.defvjp(_forward, _backward)
