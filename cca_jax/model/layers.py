"""The blocks that all networks are built of (paper section 4.1; NAFNet, Chen et al. 2022).

Every module takes and returns NHWC arrays and computes in their type (see `ops.precision`). Kernels are drawn as
PyTorch draws them by default, uniform within ±1/√fan_in, biases too. Runs of equal blocks are one `lax.scan` over
stacked parameters: they compile once. Where the arrays are larger than the image, an `ValidRegion` says what is image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.errors
import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.ops import platform
from cca_jax.ops.convolution import conv2d, depthwise_conv2d, transposed_conv2d
from cca_jax.ops.cpu import strip_blocks
from cca_jax.ops.cpu.strips import rows_in_strip
from cca_jax.ops.gpu import blocks
from cca_jax.ops.normalization import layer_norm
from cca_jax.ops.pointwise import identity, pointwise
from cca_jax.ops.precision import add_channels, per_channel
from cca_jax.ops.scan import lean_scan, turn_by_turn
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
        return add_channels(conv2d(masked(x, region), kernel, self.stride), bias)


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
        return add_channels(transposed_conv2d(masked(x, region), kernel, self.stride), bias)


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


def rematerialized(module: type[nn.Module], in_scan: bool = False) -> type[nn.Module]:
    """The same module, whose backward pass keeps its inputs alone and computes what else it needs again."""
    return nn.remat(module, prevent_cse=not in_scan)  # within a scan nothing could be merged with the forward pass


def draw_stacked(module: nn.Module, template: nn.Module, count: int, x: Array, name: str | None = None) -> None:
    """Gives `module` the first parameters of `count` templates, stacked: under a name, or as its own."""
    keys = jax.random.split(module.make_rng("params"), count)
    stacked = jax.vmap(template.init, (0, None))(keys, x)["params"]
    for key, value in ({name: stacked} if name else stacked).items():
        module.put_variable("params", key, value)


def require_params(module: nn.Module, *names: str) -> None:
    """Raises flax's own error unless the module has parameters of these names."""
    for name in names:
        if not module.has_variable("params", name):
            raise flax.errors.ScopeParamNotFoundError(name, module.scope.path_text)


_IN_STRIPS = {NAFBlock: strip_blocks.naf_block, ResidualBottleneck: strip_blocks.residual_bottleneck}
_ON_GPUS = {NAFBlock: blocks.naf_block, ResidualBottleneck: blocks.residual_bottleneck}


class BlockStack(nn.Module):
    """`count` blocks of one kind in a row; their parameters are stacked on a leading axis of length `count`.

    With `remat` the backward pass keeps only what enters each block and computes the rest again. An extent comes with
    coding alone, which takes no gradient: there the CPU goes through large planes in strips. Without one, GPUs
    have blocks of their own, one after the other: a loop would copy what it keeps into stacks, and fill these first.
    """

    block: type[nn.Module]
    count: int
    remat: bool = False

    @nn.compact
    def __call__(self, x: Array, region: ValidRegion | None = None) -> Array:
        if self.count == 0:
            return x
        fused = region is None and platform.on_gpu()
        block = (rematerialized(self.block, in_scan=True) if self.remat else self.block)(parent=None)
        if self.is_initializing():
            draw_stacked(self, block, self.count, x, "blocks")
        require_params(self, "blocks")

        in_strips = region is not None and not region.gradients and platform.on_cpu()
        rows = rows_in_strip(*x.shape[1:3]) if in_strips else None

        def turn(x: Array, params: Any, region: ValidRegion | None) -> tuple[Array, None]:
            if region is not None and rows is not None:
                return _IN_STRIPS[self.block](params, x, region, rows), None
            if fused:
                whole = jax.checkpoint(_ON_GPUS[self.block]) if self.remat else _ON_GPUS[self.block]
                return whole(params, x), None
            return block.apply({"params": params}, x, region), None

        loop = turn_by_turn if fused or (region is not None and region.gradients) else lean_scan
        return loop(turn, x, self.get_variable("params", "blocks"), region)[0]


class NAFStack(nn.Module):
    """1×1 to `width`, `count` NAFBlocks with one skip over all of them, 1×1 to `features`."""

    features: int
    width: int
    count: int

    @nn.compact
    def __call__(self, x: Array, region: ValidRegion | None = None) -> Array:
        narrow = Pointwise(self.width, name="enter")(x)
        blocks = BlockStack(NAFBlock, self.count, name="naf")(narrow, region)
        return Pointwise(self.features, name="leave")(narrow + blocks)


class Head(nn.Module):
    """Three 3×3 convolutions with GELU between them, to `features` channels."""

    features: int
    hidden: tuple[int, int]

    @nn.compact
    def __call__(self, x: Array, region: ValidRegion | None = None) -> Array:
        x = gelu(Conv(self.hidden[0], 3, name="first")(x, region))
        x = gelu(Conv(self.hidden[1], 3, name="second")(x, region))
        return Conv(self.features, 3, name="last")(x, region)
