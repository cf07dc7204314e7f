"""The repeated blocks of `model.blocks.layers` strip by strip, for coding on the CPU: functions of their parameters.

The same functions to rounding. No gradient is meant to go through them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from cca_jax.ops.cpu.strips import map_strips, map_windows, sum_dtype
from cca_jax.ops.layers.convolution import conv2d_of_padded_rows, depthwise_of_padded
from cca_jax.ops.layers.normalization import layer_norm
from cca_jax.ops.layers.pointwise import pointwise
from cca_jax.ops.planes import pad_once
from cca_jax.ops.precision import add_channels, per_channel
from cca_jax.ops.valid_region import ValidRegion

Params = Mapping[str, Any]


def _simple_gate(x: Array) -> Array:
    half = x.shape[-1] // 2
    return x[..., :half] * x[..., half:]


def _dense(params: Params, x: Array, prepare: Callable[..., Array], *rest: Array) -> Array:
    return add_channels(pointwise(prepare, (x, *rest), params["kernel"]), params["bias"])


def _normalized(params: Params, norm: Params, x: Array) -> Array:
    return _dense(params, x, layer_norm, norm["scale"], norm["bias"])


def naf_block(params: Params, x: Array, region: ValidRegion, rows: int) -> Array:
    """`layers.NAFBlock`, with strips of so many rows."""

    def expand(strip: Array, start: Array) -> Array:
        expanded = _normalized(params["expand_spatial"], params["norm_spatial"], strip)
        return region.masked_rows(expanded, start, x.shape)

    def gate(window: Array, strip: Array, start: Array) -> tuple[Array, Array]:
        del strip
        depthwise = depthwise_of_padded(pad_once(window, 0, 1), params["depthwise"]["kernel"])
        gated = _simple_gate(add_channels(depthwise, params["depthwise"]["bias"]))
        return gated, region.masked_rows(gated, start, x.shape).astype(sum_dtype(x)).sum((1, 2))

    gated, total = map_windows(expand, gate, rows, x)
    average = (total[:, None, None] / region.positions(x.shape)).astype(x.dtype)
    weight = _dense(params["attention"], average, lambda average: average)

    def project(strip: Array, gated: Array) -> Array:
        strip = strip + _scaled(params["project_spatial"], params["beta"], gated * weight, lambda u: u)
        expanded = _normalized(params["expand_channel"], params["norm_channel"], strip)
        return strip + _scaled(params["project_channel"], params["gamma"], expanded, _simple_gate)

    return map_strips(project, rows, x, gated)


def _scaled(params: Params, factor: Array, x: Array, prepare: Callable[[Array], Array]) -> Array:
    """A dense layer times one number an output channel."""
    scaled = {"kernel": params["kernel"] * per_channel(factor), "bias": params["bias"] * factor}
    return _dense(scaled, x, prepare)


def residual_bottleneck(params: Params, x: Array, region: ValidRegion, rows: int) -> Array:
    """`layers.ResidualBottleneck`, with strips of so many rows."""

    def reduce(strip: Array, start: Array) -> Array:
        reduced = jax.nn.relu(_dense(params["reduce"], strip, lambda strip: strip))
        return region.masked_rows(reduced, start, x.shape)

    def expand(window: Array, strip: Array, start: Array) -> tuple[Array, Array]:
        del start
        spatial = add_channels(conv2d_of_padded_rows(window, params["spatial"]["kernel"]), params["spatial"]["bias"])
        result = strip + _dense(params["expand"], spatial, jax.nn.relu)
        return result, jnp.zeros(x.shape[::3], sum_dtype(x))

    return map_windows(reduce, expand, rows, x)[0]
