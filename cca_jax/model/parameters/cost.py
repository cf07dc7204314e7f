"""What a configuration costs to compute: multiply-accumulates a pixel.

Each weight is multiplied once for every position that its layer is applied at: a convolution's output positions, a
transposed convolution's input positions. The kernels' sizes say that of the paper's parts, a traced pass of others.
Biases, gates, norms, the pooled channel attention and the densities, some per cent together, are left out, as is usual.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from cca_jax.config import ModelConfig
from cca_jax.model.blocks.stacks import BlockStack
from cca_jax.model.cca import CCAModel
from cca_jax.model.parameters.shapes import parameter_shapes, unflatten
from cca_jax.model.parts.chosen import networks_of_other_parts
from cca_jax.model.rates import RatePoint


class Cost(NamedTuple):
    """Thousands of multiply-accumulates a pixel (kMAC/pixel).

    Attributes:
        encode: analysis transform, hyper transforms and slices.
        decode: hyper synthesis, slices and synthesis transform.
    """

    encode: float
    decode: float


# Pixels a side of one position at which a layer's kernel is applied, by how the layer's name begins.
_STRIDES = {
    **{f"analysis/{kind}_{i}/": 2 ** (i + 1) for kind in ("down", "bottlenecks", "naf") for i in range(4)},
    **{f"synthesis/up_{i}/": 2 ** (4 - i) for i in range(4)},
    **{f"synthesis/{kind}_{i}/": 2 ** (3 - i) for kind in ("bottlenecks", "naf") for i in range(3)},
    "hyper_analysis/first/": 16,
    "hyper_analysis/second/": 32,
    "hyper_analysis/last/": 64,
    **{f"{name}/first/": 64 for name in ("hyper_mean_synthesis", "hyper_scale_synthesis", "exact_scales")},
    **{f"{name}/second/": 32 for name in ("hyper_mean_synthesis", "hyper_scale_synthesis", "exact_scales")},
    **{f"{name}/last/": 16 for name in ("hyper_mean_synthesis", "hyper_scale_synthesis", "exact_scales")},
    "exact_scales/context_": 16,
    "slices/": 16,
}


_ENCODER, _DECODER = ("analysis", "hyper_analysis"), ("synthesis",)
_SIDE = 256  # pixels of the image that other parts are measured with


def coding_cost(config: ModelConfig) -> Cost:
    """The cost of coding with a model of this configuration."""
    others = networks_of_other_parts(config)
    costs: dict[str, float] = defaultdict(float)
    for name, shape in parameter_shapes(config, False).items():
        if name.endswith("/kernel") and not name.endswith("/attention/kernel") and not name.startswith(others):
            stride = next(stride for start, stride in _STRIDES.items() if name.startswith(start))
            costs[name.partition("/")[0]] += math.prod(shape) / stride**2 / 1000
    for name, macs in _measured(config).items() if others else ():
        if f"{name}/" in others:
            costs[name] += macs / 1000
    whole = sum(costs.values())
    return Cost(whole - sum(costs[name] for name in _DECODER), whole - sum(costs[name] for name in _ENCODER))


def _measured(config: ModelConfig) -> dict[str, float]:
    """Multiply-accumulates a pixel of every network, found by tracing a forward pass.

    Each array of two axes or more is multiplied at every position of its module's input or output, whichever has
    fewer: of a strided layer the output, of a transposed one the input.
    """
    macs: dict[str, float] = defaultdict(float)
    within_stack = False

    def count(call: Any, arguments: Any, named: Any, context: Any) -> Any:
        nonlocal within_stack
        if context.method_name != "__call__" or within_stack:
            return call(*arguments, **named)
        module, within_stack = context.module, isinstance(context.module, BlockStack)
        stacked, output = within_stack, call(*arguments, **named)
        within_stack = False
        own = module.variables.get("params", {})
        arrays = jax.tree.leaves(own) if stacked else [a for a in own.values() if not isinstance(a, Mapping)]
        planes = [a.shape[1] * a.shape[2] for a in jax.tree.leaves((arguments, output)) if jnp.ndim(a) == 4]
        weights = sum(math.prod(a.shape) for a in arrays if a.ndim >= 2 + stacked)
        macs[module.path[0] if module.path else ""] += weights * min(planes, default=0) / _SIDE**2
        return output

    def forward(params: Any, image: Any) -> Any:
        rate = RatePoint.of_row(config, 0) if config.rate_weights else None
        return CCAModel(config).apply({"params": params}, image, rate=rate, auxiliary=False)

    shapes = {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in parameter_shapes(config, False).items()}
    with nn.intercept_methods(count):
        jax.eval_shape(forward, unflatten(shapes), jax.ShapeDtypeStruct((1, _SIDE, _SIDE, 3), jnp.float32))
    return macs
