"""The blocks that all networks are built of (paper section 4.1; NAFNet, Chen et al. 2022).

Every module takes and returns NHWC arrays. Kernels are drawn as PyTorch draws them by default, uniform within
±1/√fan_in, biases too. Runs of equal blocks are one `lax.scan` over stacked parameters: they compile once.
"""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.ops.convolution import conv2d, depthwise_conv2d, transposed_conv2d

_LAYER_NORM_EPSILON = 1e-6


def _uniform(fan_in: int) -> Callable[..., Array]:
    """Initialiser: uniform within ±1/√fan_in."""

    def initialise(key: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
        bound = fan_in**-0.5
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return initialise


def gelu(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """The exact (erf) form."""
    return jax.nn.gelu(x, approximate=False)


def simple_gate(x: Float[Array, "... C"]) -> Float[Array, "... C//2"]:
    """The product of the two halves of the channels."""
    half = x.shape[-1] // 2
    return x[..., :half] * x[..., half:]


def per_channel(values: Float[Array, " C"]) -> Float[Array, "1 1 1 C"]:
    """One number a channel, ready to meet [B, H, W, C]: broadcasting is never implicit here."""
    return values[None, None, None]


class Conv(nn.Module):
    """Convolution with bias, zero padding k // 2: [B, H, W, in] to [B, H/stride, W/stride, features]."""

    features: int
    size: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        fan_in = self.size**2 * x.shape[-1]
        kernel = self.param("kernel", _uniform(fan_in), (self.size, self.size, x.shape[-1], self.features))
        bias = self.param("bias", _uniform(fan_in), (self.features,))
        return conv2d(x, kernel, self.stride) + per_channel(bias)


class TransposedConv(nn.Module):
    """PyTorch's transposed convolution with bias: [B, H, W, in] to [B, H·stride, W·stride, features]."""

    features: int
    size: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        fan_in = self.size**2 * self.features  # PyTorch counts a transposed kernel's output channels
        kernel = self.param("kernel", _uniform(fan_in), (self.size, self.size, x.shape[-1], self.features))
        bias = self.param("bias", _uniform(fan_in), (self.features,))
        return transposed_conv2d(x, kernel, self.stride) + per_channel(bias)


class DepthwiseConv(nn.Module):
    """Depthwise 3×3 convolution with bias; the shape stays."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.param("kernel", _uniform(9), (3, 3, x.shape[-1]))
        bias = self.param("bias", _uniform(9), (x.shape[-1],))
        return depthwise_conv2d(x, kernel) + per_channel(bias)


class LayerNorm(nn.Module):
    """Normalisation over the channels of each position, with scale and bias."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],))
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],))
        centred = x - x.mean(-1, keepdims=True)
        variance = jnp.square(centred).mean(-1, keepdims=True)
        normalised = centred / jnp.sqrt(variance + _LAYER_NORM_EPSILON)
        return normalised * per_channel(scale) + per_channel(bias)


class NAFBlock(nn.Module):
    """Gated depthwise convolution with channel attention, then a gated pointwise network, both residual.

    The attention averages over the whole plane, so every output depends on the whole (padded) image.
    """

    @nn.compact
    def __call__(self, x: Array) -> Array:
        channels = x.shape[-1]
        beta = self.param("beta", nn.initializers.zeros, (channels,))
        gamma = self.param("gamma", nn.initializers.zeros, (channels,))
        u = Conv(2 * channels, 1, name="expand_spatial")(LayerNorm(name="norm_spatial")(x))
        u = simple_gate(DepthwiseConv(name="depthwise")(u))
        u = u * Conv(channels, 1, name="attention")(u.mean((1, 2), keepdims=True))
        x = x + per_channel(beta) * Conv(channels, 1, name="project_spatial")(u)
        v = Conv(2 * channels, 1, name="expand_channel")(LayerNorm(name="norm_channel")(x))
        return x + per_channel(gamma) * Conv(channels, 1, name="project_channel")(simple_gate(v))


class ResidualBottleneck(nn.Module):
    """x + 1×1 · ReLU · 3×3 · ReLU · 1×1 at half the channels."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        channels = x.shape[-1]
        u = nn.relu(Conv(channels // 2, 1, name="reduce")(x))
        u = nn.relu(Conv(channels // 2, 3, name="spatial")(u))
        return x + Conv(channels, 1, name="expand")(u)


class Repeated(nn.Module):
    """`count` blocks of one kind in a row; their parameters are stacked on a leading axis of length `count`."""

    block: type[nn.Module]
    count: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        if self.count == 0:
            return x
        scan = nn.scan(
            lambda block, carry, _: (block(carry), None),
            variable_axes={"params": 0},
            split_rngs={"params": True},
            length=self.count,
        )
        return scan(self.block(name="blocks"), x, None)[0]


class NAFStack(nn.Module):
    """1×1 to `width`, `count` NAFBlocks with one skip over all of them, 1×1 to `features`."""

    features: int
    width: int
    count: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        narrow = Conv(self.width, 1, name="enter")(x)
        blocks = Repeated(NAFBlock, self.count, name="naf")(narrow)
        return Conv(self.features, 1, name="leave")(narrow + blocks)


class Head(nn.Module):
    """Three 3×3 convolutions with GELU between them, to `features` channels."""

    features: int
    hidden: tuple[int, int]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = gelu(Conv(self.hidden[0], 3, name="first")(x))
        x = gelu(Conv(self.hidden[1], 3, name="second")(x))
        return Conv(self.features, 3, name="last")(x)
