"""What a configuration costs to compute: multiply-accumulates a pixel, from the kernels' sizes alone.

Each weight is multiplied once for every position that its layer is applied at: a convolution's output positions, a
transposed convolution's input positions. Biases, gates, norms, the pooled channel attention and the densities, some
per cent together, are left out, as is usual.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from cca_jax.config import ModelConfig
from cca_jax.model.parameters.shapes import parameter_shapes


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


def coding_cost(config: ModelConfig) -> Cost:
    """The cost of coding with a model of this configuration."""
    only_encode = only_decode = both = 0.0
    for name, shape in parameter_shapes(config, False).items():
        if not name.endswith("/kernel") or name.endswith("/attention/kernel"):
            continue
        stride = next(stride for start, stride in _STRIDES.items() if name.startswith(start))
        macs = math.prod(shape) / stride**2 / 1000
        if name.startswith(("analysis/", "hyper_analysis/")):
            only_encode += macs
        elif name.startswith("synthesis/"):
            only_decode += macs
        else:
            both += macs
    return Cost(only_encode + both, both + only_decode)
