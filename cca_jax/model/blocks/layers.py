"""The blocks that all networks are built of (paper section 4.1; NAFNet, Chen et al. 2022).

Every module takes and returns NHWC arrays and computes in their type (see `ops.precision`). Kernels are drawn as
PyTorch draws them by default, uniform within ±1/√fan_in, biases too. Where the arrays are larger than the image, a
`ValidRegion` says what is image.
"""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.ops.layers.convolution import conv2d, depthwise_conv2d, transposed_conv2d
from cca_jax.ops.layers.normalization import layer_norm
from cca_jax.ops.layers.pointwise import identity, pointwise
from cca_jax.ops.precision import add_channels, per_channel
from cca_jax.ops.valid_region import ValidRegion, masked, plane_mean


def uniform_within(fan_in: int) -> Callable[..., Array]:
    """Initialiser: uniform within ±1/√fan_in."""

    def initialize(key: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
        bound = fan_in**-0.5
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return initialize


def gelu(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """The exact (erf) form."""
    return jax.nn.gelu(x, approximate=False)


@jax.custom_vjp
def simple_gate(x: Float[Array, "... C"]) -> Float[Array, "... C//2"]:
    """The product of the two halves of the channels."""
    half = x.shape[-1] // 2
    return x[..., :half] * x[..., half:]


def _gate_forward(x: Array) -> tuple[Array, Array]:
    return simple_gate(x), x  # as it is: its halves would be kept as copies


def _gate_backward(x: Array, cotangent: Array) -> tuple[Array]:
    half = x.shape[-1] // 2
    return (jnp.concatenate([x[..., half:] * cotangent, x[..., :half] * cotangent], -1),)


simple_gate.defvjp(_gate_forward, _gate_backward)


class Conv(nn.Module):
    """Convolution with bias, zero padding k // 2: [B, H, W, in] to [B, H/stride, W/stride, features]."""

    features: int
    size: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: Array, region: ValidRegion | None = None) -> Array:
        fan_in = self.size**2 * x.shape[-1]
        kernel = self.param("kernel", uniform_within(fan_in), (self.size, self.size, x.shape[-1], self.features))
        bias = self.param("bias", uniform_within(fan_in), (self.features,))
        return add_channels(conv2d(masked(x, region), kernel, self.stride, training=region is None), bias)


class TransposedConv(nn.Module):
    """PyTorch's transposed convolution with bias: [B, H, W, in] to [B, H·stride, W·stride, features]."""

    features: int
    size: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: Array, region: ValidRegion | None = None) -> Array:
        fan_in = self.size**2 * self.features  # PyTorch counts a transposed kernel's output channels
        kernel = self.param("kernel", uniform_within(fan_in), (self.size, self.size, x.shape[-1], self.features))
        bias = self.param("bias", uniform_within(fan_in), (self.features,))
        doubled = transposed_conv2d(masked(x, region), kernel, self.stride, training=region is None)
        return add_channels(doubled, bias)


class DepthwiseConv(nn.Module):
    """Depthwise 3×3 convolution with bias; the shape stays."""

    @nn.compact
    def __call__(self, x: Array, region: ValidRegion | None = None) -> Array:
        kernel = self.param("kernel", uniform_within(9), (3, 3, x.shape[-1]))
        bias = self.param("bias", uniform_within(9), (x.shape[-1],))
        return add_channels(depthwise_conv2d(masked(x, region), kernel), bias)


class Pointwise(nn.Module):
    """1×1 convolution with bias of what `prepare` makes of its inputs, which alone are kept for the gradient."""

    features: int
    prepare: Callable[..., Array] = identity

    @nn.compact
    def __call__(self, *inputs: Array, factor: Array | None = None) -> Array:
        """With a `factor`, one number an output channel times the result."""
        fan_in = jax.eval_shape(self.prepare, *inputs).shape[-1]
        kernel = self.param("kernel", uniform_within(fan_in), (1, 1, fan_in, self.features))
        bias = self.param("bias", uniform_within(fan_in), (self.features,))
        if factor is not None:  # in the parameters: there, it costs nothing a position, nor its gradient
            kernel, bias = kernel * per_channel(factor), bias * factor
        return add_channels(pointwise(self.prepare, inputs, kernel), bias)


class Affine(nn.Module):
    """Scale and bias of a layer norm over the channels of x."""

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],))
        return scale, self.param("bias", nn.initializers.zeros, (x.shape[-1],))


class NAFBlock(nn.Module):
    """Gated depthwise convolution with channel attention, then a gated pointwise network, both residual.

    The attention averages over the whole plane, so every output depends on the whole (padded) image.
    """

    @nn.compact
    def __call__(self, x: Array, region: ValidRegion | None = None) -> Array:
        channels = x.shape[-1]
        beta = self.param("beta", nn.initializers.zeros, (channels,))
        gamma = self.param("gamma", nn.initializers.zeros, (channels,))
        u = Pointwise(2 * channels, layer_norm, name="expand_spatial")(x, *Affine(name="norm_spatial")(x))
        u = simple_gate(DepthwiseConv(name="depthwise")(u, region))
        average = plane_mean(u.astype(beta.dtype), region).astype(u.dtype)
        weight = Pointwise(channels, name="attention")(average)
        x = x + Pointwise(channels, jnp.multiply, name="project_spatial")(u, weight, factor=beta)
        v = Pointwise(2 * channels, layer_norm, name="expand_channel")(x, *Affine(name="norm_channel")(x))
        return x + Pointwise(channels, simple_gate, name="project_channel")(v, factor=gamma)


class ResidualBottleneck(nn.Module):
    """x + 1×1 · ReLU · 3×3 · ReLU · 1×1 at half the channels."""

    @nn.compact
    def __call__(self, x: Array, region: ValidRegion | None = None) -> Array:
        channels = x.shape[-1]
        u = nn.relu(Pointwise(channels // 2, name="reduce")(x))
        u = Conv(channels // 2, 3, name="spatial")(u, region)
        return x + Pointwise(channels, nn.relu, name="expand")(u)


class Head(nn.Module):
    """Three 3×3 convolutions with GELU between them, to `features` channels."""

    features: int
    hidden: tuple[int, int]

    @nn.compact
    def __call__(self, x: Array, region: ValidRegion | None = None) -> Array:
        x = gelu(Conv(self.hidden[0], 3, name="first")(x, region))
        x = gelu(Conv(self.hidden[1], 3, name="second")(x, region))
        return Conv(self.features, 3, name="last")(x, region)
