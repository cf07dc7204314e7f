"""Gradients to the kernels of convolutions, as matrix products and as sums that stay in the cache.

XLA's own are up to ten times as slow on the CPU, and slower still inside `lax.scan`. Both functions give what the
gradient of the plain definition in `ops.layers.convolution` is.
"""

from __future__ import annotations

import operator
from functools import reduce

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from cca_jax.ops.planes import pad_once


def kernel_gradient(
    x: Float[Array, "B H W I"], cotangent: Float[Array, "B H W O"], size: int, dtype: jnp.dtype
) -> Float[Array, "k k I O"]:
    """Of a stride-1 convolution with zero padding k // 2, summed in `dtype`; `size` is k."""
    if x.shape[3] < cotangent.shape[3]:  # the rearranged operand is copied k times: let it be the smaller one
        mirrored = jnp.flip(_by_rows(cotangent, x, size, dtype), (0, 1))
        return mirrored.swapaxes(2, 3)
    return _by_rows(x, cotangent, size, dtype)


def _by_rows(x: Array, cotangent: Array, size: int, dtype: jnp.dtype) -> Array:
    """One matrix product a kernel row: [I, B·H·W] by [B·H·W, k·O]."""
    height, width, inputs = x.shape[1:]
    outputs, padding = cotangent.shape[3], size // 2
    rows, columns = pad_once(x, padding, 0), pad_once(cotangent, 0, padding)
    shifted = [columns[:, :, 2 * padding - tap : 2 * padding - tap + width] for tap in range(size)]
    right = jnp.concatenate(shifted, axis=-1).reshape(-1, size * outputs)
    left = [rows[:, tap : tap + height].reshape(-1, inputs).T for tap in range(size)]
    products = [jnp.matmul(tap, right, preferred_element_type=dtype) for tap in left]
    return jnp.stack(products).reshape(size, inputs, size, outputs).transpose(0, 2, 1, 3)


def depthwise_kernel_gradient(
    padded: Float[Array, "B h w C"], cotangent: Float[Array, "B H W C"], dtype: jnp.dtype
) -> Float[Array, "3 3 C"]:
    """Of a depthwise 3×3 convolution of what has its padding already: h = H + 2, w = W + 2; summed in `dtype`."""
    batch, height, width, channels = cotangent.shape

    def add_row(row: Array, totals: Array) -> Array:
        # The [3, 3, W, C] totals stay in cache; nine reductions over the whole array would each read it again.
        weight = lax.dynamic_slice_in_dim(cotangent, row, 1, axis=1).astype(dtype)
        window = lax.dynamic_slice_in_dim(padded, row, 3, axis=1).astype(dtype)
        # Added up image by image: a reduction would be a kernel of its own, and a slow one under newer versions.
        products = [
            reduce(operator.add, [window[b, :, c : c + width] * weight[b] for b in range(batch)]) for c in range(3)
        ]
        return totals + jnp.stack(products, axis=1)

    return lax.fori_loop(0, height, add_row, jnp.zeros((3, 3, width, channels), dtype)).sum(2)
