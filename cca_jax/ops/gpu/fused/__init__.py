"""NAFBlocks as a few kernels of our own for NVIDIA's GPUs (Pallas, by Triton).

XLA ends a kernel at every product, norm and sum. Here norms, gates, residuals and sums over positions are part of the
kernel that needs them: `expansion`, `gated` and `feed_forward` are a block's three parts, each with its way back, and
`naf_block` joins them. `pieces` and `squares` say what a kernel sees of a plane, `launch` starts it.
"""

from __future__ import annotations

import math
import os

import jax.numpy as jnp
from jaxtyping import Array

from cca_jax.ops import platform

_NARROWEST, _WIDEST = 16, 256
"""The fewest rows or columns that a tensor core multiplies, and the most channels that were found to fit."""
_GENERATIONS = (9, 10)
"""Major compute capabilities of chips whose shared memory, 227 KB, has room for a kernel's operands."""


_SWITCH = "CCA_JAX_GPU_KERNELS"
"""Environment variable: "off" leaves all to the compiler."""


def takes(x: Array) -> bool:
    """Whether the kernels take this plane [B, H, W, C] in the program that is being traced."""
    height, width, channels = x.shape[1:]
    fits = channels % _NARROWEST == 0 and channels <= _WIDEST
    positions = math.gcd(height, 8) * math.gcd(width, 8)
    known = platform.compute_capability()[:1] in [(generation,) for generation in _GENERATIONS]
    wanted = os.environ.get(_SWITCH) != "off"
    return wanted and known and fits and positions >= _NARROWEST and x.dtype == jnp.bfloat16
