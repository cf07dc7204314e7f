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
_QUICK: dict[str, Options] = {"tpu": {"xla_tpu_scoped_vmem_limit_kib": "8192"}}
"""Half of what a kernel may use of a v5e chip's memory by default: smaller tiles are less code."""


def compiler_options(sharding: Sharding, quick: bool = False) -> Options:
    """Of a program for a sharding's devices, without those that this version of their compiler does not know.

    On a platform for which none is listed, nothing is quick.

    Args:
        sharding: of the program's arguments, or of any array on the same devices.
        quick: whether compilation shall take less time, for a slower program.

    Raises:
        ValueError: it shall be quick, and this version knows no such option.
    """
    platform = next(iter(sharding.device_set)).platform
    always = _BY_PLATFORM.get(platform, {}).items()
    known = {name: value for name, value in always if _known(name, value, sharding)}
    for name, value in _QUICK.get(platform, {}).items() if quick else ():
        if not _known(name, value, sharding):
            raise ValueError(f"this compiler does not know {name}, which makes it quick: leave quick compilation out")
        known[name] = value
    return known


@functools.cache
def _known(name: str, value: str | bool, sharding: Sharding) -> bool:
    """Whether a program of nothing compiles with it: compilers get new options and lose old ones."""
    number = jax.ShapeDtypeStruct((), jnp.float32, sharding=sharding)
    try:
        jax.jit(lambda x: x, compiler_options={name: value}).lower(number).compile()
    except JaxRuntimeError as error:
        if "INVALID_ARGUMENT" not in str(error):
            raise  # of the device, not of the option
        _log.debug("%s: %s", name, error)
        return False
    return True
