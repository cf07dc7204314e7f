"""Convolutions of few positions, as one matrix product for each tap of the kernel.

At 8×8 positions a kernel holds more numbers than all that it multiplies, and a convolution costs what is done to its
kernel: flipped, transposed or cut up it is a copy, which takes longer than the products. Here a kernel is only read,
and its gradient only written, in the order [k, k, in, out] that it is kept in. What is rearranged is the activations:
a view of them for every tap.

Both functions take and return what those of the same name without `_by_taps` in `convolution` do.
"""

from __future__ import annotations

import itertools
import math
import operator
from functools import partial, reduce

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.ops.planes import depth_to_space, pad_once


def gather_taps(x: Float[Array, "B H W C"], size: int, stride: int) -> list[Float[Array, "P C"]]:
    """What each tap of a k×k kernel meets at each of P = B·H·W / stride² positions; zero padding k // 2."""
    height, width, channels = x.shape[1:]
    padded = pad_once(x, size // 2, size // 2)
    return [
        padded[:, row : row + height : stride, column : column + width : stride].reshape(-1, channels)
        for row, column in itertools.product(range(size), repeat=2)
    ]


def scatter_taps(taps: list[Float[Array, "B h w C"]], margin: int, stride: int) -> Float[Array, "B H W C"]:
    """The transpose of `gather_taps`: adds up what its taps took from each position.

    Args:
        taps: with `margin` zeros around each plane.
        margin: k // 2 / stride.
        stride: 1 or 2.
    """
    size = math.isqrt(len(taps))
    rows, columns = (side - 2 * margin for side in taps[0].shape[1:3])

    def sources(phase: int) -> list[tuple[int, int]]:
        """(tap, first padded row or column) of all that add up to the positions that are `phase` modulo the stride."""
        aims = [(tap, *divmod(phase + size // 2 - tap, stride)) for tap in range(size)]
        return [(tap, offset + margin) for tap, offset, rest in aims if rest == 0]

    def total(down: int, right: int) -> Array:
        return reduce(
            operator.add,
            [
                taps[row * size + column][:, top : top + rows, left : left + columns]
                for (row, top), (column, left) in itertools.product(sources(down), sources(right))
            ],
        )

    phases = [total(*phase) for phase in itertools.product(range(stride), repeat=2)]
    return phases[0] if stride == 1 else depth_to_space(jnp.concatenate(phases, axis=-1))


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def conv2d_by_taps(x: Float[Array, "B H W I"], kernel: Float[Array, "k k I O"], stride: int) -> Array:
    """Convolution with zero padding k // 2, of stride 1 or of stride 2 with k = 5."""
    taps = jnp.concatenate(gather_taps(x, len(kernel), stride), axis=-1)
    product = taps @ _matrix(kernel).astype(x.dtype)
    return product.reshape(x.shape[0], x.shape[1] // stride, x.shape[2] // stride, -1)


def _conv_forward(x: Array, kernel: Array, stride: int) -> tuple[Array, tuple[Array, Array]]:
    return conv2d_by_taps(x, kernel, stride), (x, kernel)


def _conv_backward(stride: int, residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    x, kernel = residuals
    matrix, rows = _matrix(kernel), cotangent.reshape(-1, cotangent.shape[-1])
    margin = len(kernel) // 2 // stride
    to_taps = (rows @ matrix.astype(x.dtype).T).reshape(*cotangent.shape[:3], -1)
    to_x = scatter_taps(jnp.split(pad_once(to_taps, margin, margin), len(kernel) ** 2, axis=-1), margin, stride)
    taps = jnp.concatenate(gather_taps(x, len(kernel), stride), axis=-1)
    return to_x, jnp.matmul(taps.T, rows, preferred_element_type=kernel.dtype).reshape(kernel.shape)


conv2d_by_taps.defvjp(_conv_forward, _conv_backward)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def transposed_conv2d_by_taps(x: Float[Array, "B H W I"], kernel: Float[Array, "k k I O"], stride: int) -> Array:
    """PyTorch's transposed convolution, padding k // 2, output padding stride - 1; of stride 1, or 2 with k = 5."""
    taps = jnp.einsum("tpi,tio->tpo", _for_each_tap(x, kernel), _by_tap(kernel).astype(x.dtype))
    margin = len(kernel) // 2 // stride
    padded = pad_once(taps.reshape(-1, *x.shape[1:3], taps.shape[-1]), margin, margin)
    return scatter_taps(jnp.split(padded, len(taps)), margin, stride)


def _transposed_forward(x: Array, kernel: Array, stride: int) -> tuple[Array, tuple[Array, Array]]:
    return transposed_conv2d_by_taps(x, kernel, stride), (x, kernel)


def _transposed_backward(stride: int, residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    x, kernel = residuals
    to_taps = jnp.stack(gather_taps(cotangent, len(kernel), stride))
    to_x = jnp.einsum("tpo,tio->tpi", to_taps, _by_tap(kernel).astype(x.dtype)).sum(0)
    to_kernel = jnp.einsum("tpi,tpo->tio", _for_each_tap(x, kernel), to_taps, preferred_element_type=kernel.dtype)
    return to_x.reshape(x.shape), to_kernel.reshape(kernel.shape)


transposed_conv2d_by_taps.defvjp(_transposed_forward, _transposed_backward)


def _matrix(kernel: Array) -> Array:
    return kernel.reshape(-1, kernel.shape[3])


def _by_tap(kernel: Array) -> Array:
    return kernel.reshape(-1, *kernel.shape[2:])


def _for_each_tap(x: Array, kernel: Array) -> Array:
    """The same [P, C] for every tap: only a batch of products writes [k·k, in, out] without a transpose."""
    rows = x.reshape(-1, x.shape[-1])
    return jnp.broadcast_to(rows, (len(kernel) ** 2, *rows.shape))
