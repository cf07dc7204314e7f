"""1×1 convolutions with bias and residual, for GPUs.

The activations' type is the one that everything is stored in between kernels, also products before their bias: where
the sum is made in a wider type, compilers store that. Products add up in float32 at least, gradients to the parameters
in the parameters' type.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from cca_jax.ops.precision import sum_over_positions


@jax.custom_vjp
def dense(
    x: Float[Array, "B H W I"],
    matrix: Float[Array, "*B I O"],
    bias: Float[Array, " O"],
    residual: Float[Array, "B H W O"] | None = None,
) -> Float[Array, "B H W O"]:
    """The sum x · matrix + bias (+ residual), in x's type; the matrix is the same for all images, or one an image."""
    total = _product(x, matrix.astype(x.dtype)) + bias.astype(x.dtype)[(None,) * (matrix.ndim - 1)]
    total = total if residual is None else total + _rows(residual, matrix)
    return total.reshape(*x.shape[:-1], -1)


def _rows(x: Array, matrix: Array) -> Array:
    """Positions on one axis, or, where every image has its matrix, images on another."""
    return x.reshape(*(x.shape[:1] if matrix.ndim == 3 else ()), -1, x.shape[-1])


def _product(x: Array, matrix: Array) -> Array:
    return jnp.matmul(_rows(x, matrix), matrix, preferred_element_type=x.dtype)


def _forward(
    x: Array, matrix: Array, bias: Array, residual: Array | None
) -> tuple[Array, tuple[Array, Array, Array, bool]]:
    return dense(x, matrix, bias, residual), (x, matrix, bias, residual is None)


def _backward(
    residuals: tuple[Array, Array, Array, bool], cotangent: Array
) -> tuple[Array, Array, Array, Array | None]:
    x, matrix, bias, alone = residuals
    to_x = _product(cotangent, matrix.astype(x.dtype).swapaxes(-1, -2)).reshape(x.shape)
    batched, summed = ((0,), (1,)) if matrix.ndim == 3 else ((), (0,))
    dimensions = ((summed, summed), (batched, batched))
    operands = _rows(x, matrix), _rows(cotangent, matrix)
    to_matrix = lax.dot_general(*operands, dimensions, preferred_element_type=matrix.dtype)
    to_bias = sum_over_positions(cotangent.astype(bias.dtype))
    return to_x, to_matrix, to_bias, None if alone else cotangent


dense.defvjp(_forward, _backward)
