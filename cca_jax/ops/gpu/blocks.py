"""The repeated blocks of `model.blocks.layers` for training on GPUs: functions of their parameters.

The same functions to rounding, with fewer passes over main memory and fewer kernels: norms whose scale and bias are
brought into the matrix products behind them; channel attention in the projection's kernel, one an image.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
from jaxtyping import Array

from cca_jax.ops.gpu.fused.choice import takes
from cca_jax.ops.gpu.gated import gate, gated_depthwise
from cca_jax.ops.layers.convolution import conv2d
from cca_jax.ops.layers.dense import dense
from cca_jax.ops.layers.normalization import standardize
from cca_jax.ops.precision import add_channels

Params = Mapping[str, Any]


def naf_block(params: Params, x: Array) -> Array:
    """`layers.NAFBlock`: a few kernels of our own where these take x, otherwise the compiler's."""
    if takes(x):
        from cca_jax.ops.gpu.fused.naf_block import naf_block as fused  # loads Pallas, which takes half a second

        return fused(params, x)
    return compiled_naf_block(params, x)


def compiled_naf_block(params: Params, x: Array) -> Array:
    """`layers.NAFBlock` of the compiler's kernels."""
    u = _normalized(params["expand_spatial"], params["norm_spatial"], x)
    u = gated_depthwise(u, params["depthwise"]["kernel"], params["depthwise"]["bias"])
    average = u.astype(params["beta"].dtype).mean((1, 2), keepdims=True).astype(u.dtype)
    weight = _dense(params["attention"], average)
    matrix, bias = _scaled(params["project_spatial"], params["beta"])
    of_images = weight[:, 0, 0, :, None].astype(matrix.dtype) * matrix[None]
    x = dense(u, of_images, bias, x)
    v = gate(_normalized(params["expand_channel"], params["norm_channel"], x))
    return dense(v, *_scaled(params["project_channel"], params["gamma"]), x)


def _normalized(params: Params, norm: Params, x: Array) -> Array:
    """A dense layer of a layer norm, whose scale and bias are brought into the layer's."""
    matrix, bias = params["kernel"][0, 0], params["bias"]
    shift = (norm["bias"][:, None] * matrix).sum(0)  # no matrix product, which may multiply in fewer bits
    return dense(standardize(x), norm["scale"][:, None] * matrix, bias + shift)


def _scaled(params: Params, factor: Array) -> tuple[Array, Array]:
    """Kernel and bias of a dense layer times one number an output channel."""
    return params["kernel"][0, 0] * factor[None], params["bias"] * factor


def _dense(params: Params, x: Array, residual: Array | None = None) -> Array:
    return dense(x, params["kernel"][0, 0], params["bias"], residual)


def residual_bottleneck(params: Params, x: Array) -> Array:
    """`layers.ResidualBottleneck`."""
    u = jax.nn.relu(_dense(params["reduce"], x))
    u = jax.nn.relu(add_channels(conv2d(u, params["spatial"]["kernel"]), params["spatial"]["bias"]))
    return _dense(params["expand"], u, x)
