"""Convolutions as a TPU's vector and matrix units want them; `ops.layers.convolution` chooses them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from cca_jax.ops.layout import last_axis_last

Convolution = Callable[[Array, Array], Array]
"""An input and a kernel to the output."""

_LAYOUT = ("NHWC", "HWIO", "NHWC")
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
    return lax.conv_general_dilated(x, flipped, (1, 1), padding, lhs_dilation=(2, 2), dimension_numbers=_LAYOUT)


def stored_wide(padded: Float[Array, "B h w C"], dtype: jnp.dtype) -> Float[Array, "B h w C"]:
    """What shifted views are taken of, in the type in which they are multiplied; no large plane, which stays as it is.

    Two neighbours along a register's eight rows share 32 bits in bfloat16: each view that is shifted by one column has
    to be taken apart and put together again. In 32 bits a shift is an address.
    """
    if padded.dtype == dtype or padded.size * dtype.itemsize > _ON_CHIP_BYTES:
        return padded
    return lax.optimization_barrier(padded.astype(dtype))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def with_strided_gradients(
    transposed: Convolution, x: Float[Array, "B H W I"], kernel: Float[Array, "5 5 I O"]
) -> Float[Array, "B h w O"]:
    """`transposed`, a `transposed_conv2d` with stride 2, whose gradients are those of the convolution it transposes.

    That has stride 2, as the first layer has, and takes the cotangent of an image as that takes an image. By phases,
    the cotangent would have to be rearranged to them; where kernels have less than 8 MiB of on-chip memory, the
    compiler makes one copy of this that took a fifth of all the cycles of a step.

    Args:
        transposed: how to compute it; it must not close over traced values.
        x: input.
        kernel: as of `transposed_conv2d`.
    """
    return transposed(x, kernel)


def _strided_backward(transposed: Convolution, residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    del transposed
    x, kernel = residuals

    def strided(kernel: Array) -> Array:
        outputs_to_inputs = kernel.swapaxes(2, 3).astype(cotangent.dtype)
        return lax.conv_general_dilated(cotangent, outputs_to_inputs, (2, 2), [(2, 2)] * 2, dimension_numbers=_LAYOUT)

    to_x, pullback = jax.vjp(strided, kernel)  # linear: what pulls x back is the kernel's gradient
    return to_x, pullback(x)[0]


with_strided_gradients.defvjp(lambda transposed, x, kernel: (transposed(x, kernel), (x, kernel)), _strided_backward)


@jax.custom_vjp
def channels_last(x: Float[Array, "B H W C"]) -> Float[Array, "B H W C"]:
    """X itself, stated to have its channels last in memory, and its cotangent too.

    The compiler has the images of a convolution's batch lie along a register's rows; what follows, blocks of a few
    images, wants the channels last. Unless that is stated here, bias and rounding come between the two, and the change
    is made of a plane in float32, in two copies.
    """
    return last_axis_last(x)


channels_last.defvjp(lambda x: (last_axis_last(x), None), lambda _, cotangent: (last_axis_last(cotangent),))


def one_image(x: Float[Array, "B H W C"]) -> bool:
    """Whether `conv2d_by_rows` is what this wants: a single image, of no large plane (`image_groups` makes such).

    The compiler lets the images of a convolution's batch lie along a register's eight rows; one leaves seven empty.
    """
    return len(x) == 1 and 3 * x.size * x.dtype.itemsize <= _ON_CHIP_BYTES


@jax.custom_vjp
def conv2d_by_rows(x: Float[Array, "B H W I"], kernel: Float[Array, "3 3 I O"]) -> Float[Array, "B H W O"]:
    """A 3×3 `conv2d` as one matrix product a kernel row, of views shifted by columns beside each other.

    Its gradients are matrix products of the same kind.
    """
    beside, rows = _columns_beside(x), kernel.astype(x.dtype).reshape(3, -1, kernel.shape[3])
    sums = [
        jnp.matmul(beside[:, row : row + x.shape[1]], rows[row], preferred_element_type=_sums_of(x)) for row in range(3)
    ]
    return reduce(operator.add, sums).astype(x.dtype)


def _by_rows_backward(residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    x, kernel = residuals
    to_x = conv2d_by_rows(cotangent, jnp.flip(kernel, (0, 1)).swapaxes(2, 3))
    beside = _columns_beside(x)
    to_rows = [
        jnp.einsum("bhwi,bhwo->io", beside[:, row : row + x.shape[1]], cotangent, preferred_element_type=kernel.dtype)
        for row in range(3)
    ]
    return to_x, jnp.stack(to_rows).reshape(kernel.shape)


conv2d_by_rows.defvjp(lambda x, kernel: (conv2d_by_rows(x, kernel), (x, kernel)), _by_rows_backward)


def _columns_beside(x: Float[Array, "B H W C"]) -> Float[Array, "B rows W 3*C"]:
    """Views of x, with zeros around it, that are shifted by 0 to 2 columns, beside each other, and written once.

    The rows, at least H + 2, are a multiple of eight: the compiler writes some at a time, which should divide them.
    """
    rows = ((0, 0), (1, 1 - (x.shape[1] + 2) % -8), (1, 1), (0, 0))
    padded = stored_wide(jnp.pad(x, rows), _sums_of(x))
    views = [padded[:, :, column : column + x.shape[2]].astype(x.dtype) for column in range(3)]
    return lax.optimization_barrier(jnp.concatenate(views, axis=-1))


def _sums_of(x: Array) -> jnp.dtype:
    return jnp.promote_types(x.dtype, jnp.float32)
