"""What compilers are asked for beyond their defaults."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jax.errors import JaxRuntimeError
from jax.sharding import Sharding

Options = dict[str, str | bool]

_BY_PLATFORM: dict[str, Options] = {"tpu": {"xla_tpu_enable_deduplicated_calls": "ENABLED"}}
"""On a TPU, kernels that are alike are then there once, and called: slices have networks alike, and the auxiliary model
the same once more. It halves a training step's program."""
_QUICK: dict[str, Options] = {"tpu": {"xla_tpu_scoped_vmem_limit_kib": "8192"}}
"""Half of what a kernel may use of a v5e chip's memory by default: smaller tiles are less code."""


def compiler_options(sharding: Sharding, quick: bool = False) -> Options:
    """Of a program for a sharding's devices, without those that this version of their compiler does not know.

    Args:
        sharding: of the program's arguments, or of any array on the same devices.
        quick: whether compilation shall take less time, for a slower program.
    """
    platform = next(iter(sharding.device_set)).platform
    asked = _BY_PLATFORM.get(platform, {}) | (_QUICK.get(platform, {}) if quick else {})
    return {name: value for name, value in asked.items() if _known(name, value, sharding)}


@functools.cache
def _known(name: str, value: str | bool, sharding: Sharding) -> bool:
    """Whether a program of nothing compiles with it: compilers get new options and lose old ones."""
    number = jax.ShapeDtypeStruct((), jnp.float32, sharding=sharding)
    try:
        jax.jit(lambda x: x, compiler_options={name: value}).lower(number).compile()
    except JaxRuntimeError:
        return False
    return True
