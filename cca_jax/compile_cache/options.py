"""What compilers are asked for beyond their defaults."""

from __future__ import annotations

import functools
import logging

import jax
import jax.numpy as jnp
from jax.errors import JaxRuntimeError
from jax.sharding import Sharding

_log = logging.getLogger("cca_jax.compile_cache")

Options = dict[str, str | bool]

_BY_PLATFORM: dict[str, Options] = {"tpu": {"xla_tpu_enable_deduplicated_calls": "ENABLED"}}
"""On a TPU, kernels that are alike are then there once, and called: slices have networks alike, and the auxiliary model
the same once more. It halves a training step's program."""
_KERNEL_MEMORY = {"tpu": "xla_tpu_scoped_vmem_limit_kib"}
"""The option that limits it, in KiB."""


def compiler_options(sharding: Sharding, kernel_memory: int = 0) -> Options:
    """Of a program for a sharding's devices, without those that this version of their compiler does not know.

    Args:
        sharding: of the program's arguments, or of any array on the same devices.
        kernel_memory: MiB of on-chip memory that a kernel may take for what it works on, where a platform has such a
            limit; 0 leaves it to the compiler.
    """
    platform = next(iter(sharding.device_set)).platform
    wanted = dict(_BY_PLATFORM.get(platform, {}))
    if kernel_memory and platform in _KERNEL_MEMORY:
        wanted[_KERNEL_MEMORY[platform]] = str(kernel_memory * 1024)
    return {name: value for name, value in wanted.items() if _known(name, value, sharding)}


@functools.cache
def _known(name: str, value: str | bool, sharding: Sharding) -> bool:
    """Whether a program of nothing compiles with it: compilers get new options and lose old ones."""
    number = jax.ShapeDtypeStruct((), jnp.float32, sharding=sharding)
    try:
        jax.jit(lambda x: x, compiler_options={name: value}).lower(number).compile()
    except JaxRuntimeError as error:
        if "INVALID_ARGUMENT" not in str(error):
            raise  # of the device, not of the option
        _log.warning("this compiler does not know %s=%s: left out", name, value)
        return False
    return True
