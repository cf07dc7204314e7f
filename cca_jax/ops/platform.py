"""Which lowering to take where the CPU's compiler and those of accelerators want different ones.

A program may be for another platform than the one that traces it: compiled for a described topology, or for the CPU of
a host that has a GPU. What counts is JAX's default device while the program is traced, which is also part of the key of
all of JAX's caches of traces: those of two platforms are never taken for each other.
"""

from __future__ import annotations

import contextlib
import re

import jax


def on_cpu() -> bool:
    """Whether the program being traced is for the CPU; both answers must compute the same function."""
    return of_program() == "cpu"


def on_gpu() -> bool:
    """Whether it is for a GPU, likewise."""
    return of_program() in ("gpu", "cuda", "rocm")


def on_tpu() -> bool:
    """Whether it is for a TPU, likewise."""
    return of_program() == "tpu"


def of_program() -> str:
    """The platform of the program being traced, as JAX calls it: "cpu", "gpu", "tpu"."""
    device = _default_device()
    if device is None:
        return jax.default_backend()
    return device if isinstance(device, str) else device.platform


def compute_capability() -> tuple[int, ...]:
    """Of the NVIDIA GPU that the program being traced is for, as (major, minor); () for others and named ones."""
    device = _default_device()
    of_gpu = str(getattr(jax.devices()[0] if device is None else device, "compute_capability", ""))
    # AMD's GPUs have names there, as gfx90a.
    return tuple(map(int, of_gpu.split("."))) if re.fullmatch(r"\d+\.\d+", of_gpu) else ()


def of_host() -> str:
    """The platform of this process's own devices."""
    return jax.default_backend()


def _default_device() -> jax.Device | str | None:
    return jax.config.jax_default_device  # type: ignore[attr-defined]


def tracing_for(device: jax.Device | str) -> contextlib.AbstractContextManager[None]:
    """Within it, programs are traced for this device's platform, or for one of those that `of_program` names.

    To be entered inside a function that JAX transforms, around all that it computes: there nothing runs, so that the
    device may also be one of a topology that is only described, or a platform that is not here.
    """
    return jax.default_device(device)
