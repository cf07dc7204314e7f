"""Convolutions as a TPU's vector and matrix units want them; `ops.layers.convolution` chooses them."""

from __future__ import annotations

import operator
from functools import reduce

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from cca_jax.ops.layout import last_axis_last

_LANES = 128
"""Of a vector register, along the channels."""
_ON_CHIP_BYTES = 2**25
"""Of an array that is written to be read in several views: larger ones would go through main memory."""


def fills_lanes(kernel: Float[Array, "k k I O"]) -> bool:
    """Whether the outputs of the four phases of a doubling are worth being computed apart.

    The outputs of all phases beside each other are what a matrix unit wants where they are few, three for an image say.
    """
    return 4 * kernel.shape[3] > _LANES


def dilated_transposed_conv2d(x: Float[Array, "B H W I"], kernel: Float[Array, "5 5 I O"]) -> Float[Array, "B h w O"]:
    """`transposed_conv2d` with stride 2, as a convolution of x with a zero between each two positions.

    The compiler for TPUs leaves the products with these zeros out. The alternative, a convolution to the channels of
    all four phases and depth-to-space, multiplies 36 taps for 25 and moves what it computed.
    """
    flipped = jnp.flip(kernel, (0, 1)).astype(x.dtype)
    padding = [(2, 3)] * 2  # kernel - 1 - padding on each side, and the output padding
    layout = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, flipped, (1, 1), padding, lhs_dilation=(2, 2), dimension_numbers=layout)


def stored_wide(padded: Float[Array, "B h w C"], dtype: jnp.dtype) -> Float[Array, "B h w C"]:
    """What shifted views are taken of, in the type in which they are multiplied; no large plane, which stays as it is.

    Two neighbours along a register's eight rows share 32 bits in bfloat16: each view that is shifted by one column has
    to be taken apart and put together again. In 32 bits a shift is an address.
    """
    if padded.size * dtype.itemsize > _ON_CHIP_BYTES:
        return padded
    return lax.optimization_barrier(padded.astype(dtype))


@jax.custom_vjp
def channels_last(x: Float[Array, "B H W C"]) -> Float[Array, "B H W C"]:
    """Says that x has its channels last in memory, and its cotangent likewise.

    Left to itself, the compiler lays the cotangent of a photo out with the columns last, and then moves channels and
    images past each other in one copy, which took a fifth of all the cycles of a step.
    """
    return last_axis_last(x)


channels_last.defvjp(lambda x: (channels_last(x), None), lambda _, cotangent: (last_axis_last(cotangent),))


def one_image(x: Float[Array, "B H W C"], size: int) -> bool:
    """Whether `conv2d_by_rows` is what this wants: a single image, of no large plane (`image_groups` makes such).

    The compiler lets the images of a convolution's batch lie along a register's eight rows; one leaves seven empty.
    """
    return len(x) == 1 and x.size * size * x.dtype.itemsize <= _ON_CHIP_BYTES


def conv2d_by_rows(x: Float[Array, "B H W I"], kernel: Float[Array, "k k I O"]) -> Float[Array, "B H W O"]:
    """A `conv2d` with stride 1 as one matrix product a kernel row, of views shifted by columns beside each other."""
    size, _, inputs, outputs = kernel.shape
    height = x.shape[1]
    beside = columns_beside(x, size)
    rows = kernel.astype(x.dtype).reshape(size, size * inputs, outputs)
    sums = [
        jnp.matmul(beside[:, row : row + height], rows[row], preferred_element_type=_sums_of(x)) for row in range(size)
    ]
    return reduce(operator.add, sums).astype(x.dtype)


def kernel_gradient_by_rows(
    x: Float[Array, "B H W I"], cotangent: Float[Array, "B H W O"], size: int, dtype: jnp.dtype
) -> Float[Array, "k k I O"]:
    """Of `conv2d_by_rows`, summed in `dtype`; `size` is k."""
    height, inputs, outputs = x.shape[1], x.shape[3], cotangent.shape[3]
    beside = columns_beside(x, size)
    sums = [
        jnp.einsum("bhwi,bhwo->io", beside[:, row : row + height], cotangent, preferred_element_type=dtype)
        for row in range(size)
    ]
    return jnp.stack(sums).reshape(size, size, inputs, outputs)


def columns_beside(x: Float[Array, "B H W C"], size: int) -> Float[Array, "B h W size*C"]:
    """Views of x, with zeros around it, that are shifted by 0 to size - 1 columns, beside each other; h = H + size - 1.

    Shifted in 32 bits (`stored_wide`), and written once.
    """
    padding, width = size // 2, x.shape[2]
    padded = stored_wide(jnp.pad(x, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0))), _sums_of(x))
    views = [padded[:, :, column : column + width].astype(x.dtype) for column in range(size)]
    return lax.optimization_barrier(jnp.concatenate(views, axis=-1))


def _sums_of(x: Array) -> jnp.dtype:
    return jnp.promote_types(x.dtype, jnp.float32)
