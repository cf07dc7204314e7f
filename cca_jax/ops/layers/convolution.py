"""Convolutions as the reference defines them, lowered to what the compiler is good at.

`conv2d(kernel k, stride s)`: zero padding k // 2. `transposed_conv2d`: PyTorch's transposed convolution with padding
k // 2 and output padding s - 1. All arrays are NHWC; kernels are [k, k, in, out].

Two of the lowerings hold nearly everywhere: a stride-2 transposed convolution is a 3×3 convolution to four times the
channels followed by depth-to-space, and a depthwise 3×3 convolution is a sum of nine shifted products. What only one
platform wants is in `ops.cpu` and `ops.tpu`, and chosen here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from cca_jax.ops import platform
from cca_jax.ops.cpu.kernel_gradients import depthwise_kernel_gradient, kernel_gradient
from cca_jax.ops.cpu.taps import conv2d_by_taps, transposed_conv2d_by_taps
from cca_jax.ops.layers.pointwise import identity, pointwise
from cca_jax.ops.planes import depth_to_space, pad_once
from cca_jax.ops.tpu.convolution import (
    channels_last,
    conv2d_by_rows,
    dilated_transposed_conv2d,
    fills_lanes,
    one_image,
    stored_wide,
    with_strided_gradients,
)

_LAYOUT = ("NHWC", "HWIO", "NHWC")


def conv2d(
    x: Float[Array, "B H W I"], kernel: Float[Array, "k k I O"], stride: int = 1, training: bool = False
) -> Float[Array, "B h w O"]:
    """Convolution with zero padding k // 2; h = H / stride, w = W / stride.

    It computes in x's type. Like all functions here it gives the kernel a gradient of the kernel's own type, summed in
    that type where the platform does so.

    Args:
        x: input; with stride 2 its sides must be even.
        kernel: k is 1, 3 or 5.
        stride: 1 or 2 (2 only with k = 5).
        training: whether a platform may take the form that its training steps want, which rounds otherwise.

    Raises:
        ValueError: a combination the model has no use for.
    """
    size = kernel.shape[0]
    if stride == 1 and size == 1:
        return pointwise(identity, (x,), kernel)
    if (stride, size) == (1, 3) and training and platform.on_tpu() and one_image(x):
        return conv2d_by_rows(x, kernel)
    if stride == 1:
        return conv2d_by_taps(x, kernel, stride) if _few_positions(x, kernel) else _conv_same(x, kernel)
    if (stride, size) != (2, 5) or x.shape[1] % 2 or x.shape[2] % 2:
        raise ValueError(f"stride {stride} with a {size}×{size} kernel on {x.shape[1:3]}: use 5×5 on even sides")
    if _few_positions(x, kernel, stride):
        return conv2d_by_taps(x, kernel, stride)
    outputs = _library_conv(x, kernel, stride)
    return channels_last(outputs) if training and platform.on_tpu() else outputs


def transposed_conv2d(
    x: Float[Array, "B H W I"], kernel: Float[Array, "k k I O"], stride: int = 1, training: bool = False
) -> Float[Array, "B h w O"]:
    """PyTorch's transposed convolution, padding k // 2, output padding stride - 1; h = H · stride, w = W · stride.

    Args:
        x: input.
        kernel: PyTorch's [I, O, k, k] with its axes reordered, not flipped.
        stride: 1, or 2 with k = 5.
        training: as of `conv2d`.

    Raises:
        ValueError: a combination the model has no use for.
    """
    size = kernel.shape[0]
    if stride != 1 and (stride, size) != (2, 5):
        raise ValueError(f"stride {stride} with a {size}×{size} kernel: use 5×5 with stride 2")
    if size > 1 and _few_positions(x, kernel):
        return transposed_conv2d_by_taps(x, kernel, stride)
    if stride == 1:
        return conv2d(x, jnp.flip(kernel, (0, 1)))
    if training and platform.on_tpu() and fills_lanes(kernel):
        return channels_last(dilated_transposed_conv2d(x, kernel))
    return with_strided_gradients(_by_phases, x, kernel) if platform.on_tpu() else _by_phases(x, kernel)


def _by_phases(x: Float[Array, "B H W I"], kernel: Float[Array, "5 5 I O"]) -> Float[Array, "B 2*H 2*W O"]:
    phases = _kernel_by_phase(kernel)  # [3, 3, 2, 2, I, O]
    by_output = jnp.flip(phases, (0, 1)).transpose(0, 1, 4, 2, 3, 5)
    return depth_to_space(_conv_same(x, by_output.reshape(3, 3, x.shape[3], -1)))


def _few_positions(plane: Array, kernel: Array, stride: int = 1) -> bool:
    """Whether the kernel is larger than what it meets, so that the activations had better be rearranged."""
    positions = plane.shape[0] * plane.shape[1] * plane.shape[2] // stride**2
    return platform.on_cpu() and positions <= max(kernel.shape[2:])


def _kernel_by_phase(kernel: Array) -> Array:
    """[5, 5, I, O] to [3, 3, 2, 2, I, O]: tap t = 2j + r of a 5-tap row is offset j of phase r, the sixth tap is 0."""
    inputs, outputs = kernel.shape[2:]
    padded = jnp.pad(kernel, ((0, 1), (0, 1), (0, 0), (0, 0)))
    return padded.reshape(3, 2, 3, 2, inputs, outputs).transpose(0, 2, 1, 3, 4, 5)


def _library_conv(x: Array, kernel: Array, stride: int) -> Array:
    padding = [(kernel.shape[0] // 2,) * 2] * 2
    return lax.conv_general_dilated(x, kernel.astype(x.dtype), (stride,) * 2, padding, dimension_numbers=_LAYOUT)


def _one_by_one(function: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """The same function, which `jax.vmap` runs for one member after the other; no gradient goes through it.

    The alternative is a grouped convolution, which no platform does well.
    """

    def rule(size: int, batched: list[bool], x: Array, y: Array) -> tuple[Array, bool]:
        members = [function(x[i] if batched[0] else x, y[i] if batched[1] else y) for i in range(size)]
        return jnp.stack(members), True

    wrapped = jax.custom_batching.custom_vmap(function)
    wrapped.def_vmap(rule)
    return wrapped


@_one_by_one
def _same_conv(x: Array, kernel: Array) -> Array:
    return _library_conv(x, kernel, 1)


@jax.custom_vjp
def _conv_same(x: Array, kernel: Array) -> Array:
    """Stride-1 convolution, odd k, that keeps height and width."""
    return _same_conv(x, kernel)


def _conv_same_forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _conv_same(x, kernel), (x, kernel)


def _conv_same_backward(residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    x, kernel = residuals
    to_x = _conv_same(cotangent, jnp.flip(kernel, (0, 1)).swapaxes(2, 3))
    if platform.on_cpu():
        return to_x, kernel_gradient(x, cotangent, len(kernel), kernel.dtype)
    return to_x, _one_by_one(partial(_library_kernel_gradient, kernel.shape, kernel.dtype))(x, cotangent)


def _library_kernel_gradient(shape: tuple[int, ...], dtype: jnp.dtype, x: Array, cotangent: Array) -> Array:
    _, pullback = jax.vjp(lambda kernel: _library_conv(x, kernel, 1), jnp.zeros(shape, dtype))
    return pullback(cotangent)[0]


_conv_same.defvjp(_conv_same_forward, _conv_same_backward)


@jax.custom_vjp
def depthwise_conv2d(x: Float[Array, "B H W C"], kernel: Float[Array, "3 3 C"]) -> Float[Array, "B H W C"]:
    """Depthwise 3×3 convolution with zero padding 1: each channel has its own nine weights."""
    return depthwise_of_padded(pad_once(x, 1, 1), kernel)


def depthwise_of_padded(padded: Float[Array, "B h w C"], kernel: Float[Array, "3 3 C"]) -> Float[Array, "B H W C"]:
    """`depthwise_conv2d` of what has its padding already: h = H + 2, w = W + 2."""
    height, width = padded.shape[1] - 2, padded.shape[2] - 2
    taps = [(row, column) for row in range(3) for column in range(3)]
    weights = kernel[:, :, None, None, None]  # [3, 3, 1, 1, 1, C]
    read = stored_wide(padded, kernel.dtype) if platform.on_tpu() else padded
    shifted = [read[:, r : r + height, c : c + width].astype(kernel.dtype) * weights[r, c] for r, c in taps]
    return reduce(operator.add, shifted).astype(padded.dtype)


def conv2d_of_padded_rows(padded: Float[Array, "B h W I"], kernel: Float[Array, "3 3 I O"]) -> Float[Array, "B H W O"]:
    """A 3×3 `conv2d` of what has a row of padding above and below already, h = H + 2, and no columns of it."""
    padding = ((0, 0), (1, 1))
    return lax.conv_general_dilated(padded, kernel.astype(padded.dtype), (1, 1), padding, dimension_numbers=_LAYOUT)


def _depthwise_forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return depthwise_conv2d(x, kernel), (x, kernel)


def _depthwise_backward(residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    x, kernel = residuals
    to_x = depthwise_conv2d(cotangent, jnp.flip(kernel, (0, 1)))
    height, width = x.shape[1:3]
    padded = pad_once(x, 1, 1)
    if platform.on_cpu():
        return to_x, depthwise_kernel_gradient(padded, cotangent, kernel.dtype)
    padded, cotangent = padded.astype(kernel.dtype), cotangent.astype(kernel.dtype)
    taps = [(row, column) for row in range(3) for column in range(3)]
    sums = [(padded[:, r : r + height, c : c + width] * cotangent).sum((0, 1, 2)) for r, c in taps]
    return to_x, jnp.stack(sums).reshape(kernel.shape)


depthwise_conv2d.defvjp(_depthwise_forward, _depthwise_backward)
