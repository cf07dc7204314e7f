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
_MEBIBYTES = {"TPU v5 lite": 6}
"""Of kernel memory, by the kind of device: less is compiled faster, and moves more where too little is left of it."""
_OTHERS_MEBIBYTES = 8


def compiler_options(sharding: Sharding, kernel_memory: int | None = 0) -> Options:
    """Of a program for a sharding's devices, without those that this version of their compiler does not know.

    Args:
        sharding: of the program's arguments, or of any array on the same devices.
        kernel_memory: MiB of on-chip memory that a kernel may take for what it works on, where a platform has such a
            limit; 0 leaves it to the compiler, None takes what suits these devices.

    Raises:
        ValueError: `kernel_memory` is stated, and their compiler does not take such a limit, or not this one.
    """
    device = next(iter(sharding.device_set))
    wanted = _BY_PLATFORM.get(device.platform, {})
    options = {name: value for name, value in wanted.items() if _taken(name, value, sharding)}
    mebibytes = _MEBIBYTES.get(device.device_kind, _OTHERS_MEBIBYTES) if kernel_memory is None else kernel_memory
    if not mebibytes or device.platform not in _KERNEL_MEMORY:
        return options
    limit, kibibytes = _KERNEL_MEMORY[device.platform], str(mebibytes * 1024)
    if kernel_memory is not None and not _known(limit, kibibytes, sharding):
        raise ValueError(f"this compiler does not take {limit}={kibibytes}: state another kernel memory, or none")
    return {**options, limit: kibibytes} if _taken(limit, kibibytes, sharding) else options


def _taken(name: str, value: str | bool, sharding: Sharding) -> bool:
    if not _known(name, value, sharding):
        _say_once(name, value)
        return False
    return True


@functools.cache
def _say_once(name: str, value: str | bool) -> None:
    _log.warning("this compiler does not know %s=%s: left out", name, value)


@functools.cache
def _known(name: str, value: str | bool, sharding: Sharding) -> bool:
    """Whether a program of nothing compiles with it: compilers get new options and lose old ones."""
    number = jax.ShapeDtypeStruct((), jnp.float32, sharding=sharding)
    try:
        jax.jit(lambda x: x, compiler_options={name: value}).lower(number).compile()
    except JaxRuntimeError as error:
        if "INVALID_ARGUMENT" not in str(error):
            raise  # of the device, not of the option
        return False
    return True
