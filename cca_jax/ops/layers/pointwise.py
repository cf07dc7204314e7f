"""1×1 convolutions, whose gradients keep less than what they multiply."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def identity(x: Array) -> Array:
    """x: what `pointwise` takes where there is nothing to prepare."""
    return x


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def pointwise(
    prepare: Callable[..., Float[Array, "B H W I"]], inputs: tuple[Array, ...], kernel: Float[Array, "1 1 I O"]
) -> Float[Array, "B H W O"]:
    """1×1 convolution of what `prepare` makes of the inputs; for the gradient, `prepare` runs again.

    Args:
        prepare: cheap, such as a normalisation or a gate: only its inputs are kept for the gradient.
        inputs: its arguments.
        kernel: of the convolution.
    """
    return _matrix_product(prepare(*inputs), kernel[0, 0])


def _matrix_product(x: Array, matrix: Array) -> Array:
    # On two axes: the gradient to the matrix is then one plain matrix product, twice as fast on the CPU.
    return (x.reshape(-1, x.shape[-1]) @ matrix.astype(x.dtype)).reshape(*x.shape[:-1], matrix.shape[-1])


def _pointwise_forward(
    prepare: Callable[..., Array], inputs: tuple[Array, ...], kernel: Array
) -> tuple[Array, tuple[tuple[Array, ...], Array]]:
    return pointwise(prepare, inputs, kernel), (inputs, kernel)


def _pointwise_backward(
    prepare: Callable[..., Array], residuals: tuple[tuple[Array, ...], Array], cotangent: Array
) -> tuple[tuple[Array, ...], Array]:
    inputs, kernel = residuals
    x, pullback = jax.vjp(prepare, *inputs)
    rows, columns = cotangent.reshape(-1, cotangent.shape[-1]), x.reshape(-1, x.shape[-1])
    to_matrix = jnp.matmul(rows.T, columns, preferred_element_type=kernel.dtype).T
    return pullback(_matrix_product(cotangent, kernel[0, 0].T)), to_matrix[None, None]


pointwise.defvjp(_pointwise_forward, _pointwise_backward)
