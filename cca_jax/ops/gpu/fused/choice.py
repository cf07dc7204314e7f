"""Which planes the kernels take, in which programs."""

from __future__ import annotations

import math
import os

import jax.numpy as jnp
from jaxtyping import Array

from cca_jax.ops import platform

SWITCH = "CCA_JAX_GPU_KERNELS"
"""Environment variable: "off" leaves all to the compiler, "on" is the default; read when a program is traced."""
_SMALLEST_PRODUCT = 16
"""Rows and columns that Triton multiplies at least."""
_WIDEST = 256
"""Channels that were found to fit into a kernel's registers and shared memory."""
_GENERATION = 9
"""Major compute capability of the chips that the kernels were compiled for, with 227 KB of shared memory."""

_refused: list[str] = []


def refuse(reason: str) -> None:
    """Leaves everything to the compiler for the rest of this process, in programs that are traced from now on."""
    _refused.append(reason)


def takes(x: Array) -> bool:
    """Whether the kernels take this plane [B, H, W, C] in the program that is being traced.

    Raises:
        ValueError: the environment variable says neither "on" nor "off".
    """
    wanted = os.environ.get(SWITCH, "on")
    if wanted not in ("on", "off"):
        raise ValueError(f"{SWITCH} is {wanted!r}: say on or off")
    height, width, channels = x.shape[1:]
    fits = channels % _SMALLEST_PRODUCT == 0 and channels <= _WIDEST
    cut = math.gcd(height, 8) * math.gcd(width, 8) >= _SMALLEST_PRODUCT
    suits = x.dtype == jnp.bfloat16 and fits and cut
    return suits and wanted == "on" and not _refused and _of_this_generation()


def _of_this_generation() -> bool:
    capability = platform.compute_capability()
    return bool(capability) and capability[0] == _GENERATION and _can_be_lowered()


def _can_be_lowered() -> bool:
    """Whether this JAX still has Triton's kernels; since 0.11 it asks the chip itself, which has to be there."""
    try:
        from jax.experimental.pallas import triton
    except ImportError:
        return False
    return platform.of_host() == "gpu" or not hasattr(triton, "get_gpu_info")
