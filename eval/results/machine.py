"""The machine of a run: processor, cores, memory, device and versions."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import re
from pathlib import Path

import jax

import cca_jax
from cca_jax.compile_cache.cores import usable_cores
from eval.results.results import Machine

_PACKAGES = ("jax", "jaxlib", "flax", "numpy", "pillow", "tensorflow", "constriction")


def describe_machine() -> Machine:
    """This machine, as far as the system tells."""
    return Machine(
        cpu=_cpu(),
        cores=usable_cores(),
        memory_bytes=_memory(),
        system=platform.platform(),
        device=jax.devices()[0].device_kind,
    )


def versions() -> dict[str, str]:
    """Python and the packages that a result may depend on, those installed."""
    packages = {"python": platform.python_version(), "cca_jax": cca_jax.__version__}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            packages[package] = importlib.metadata.version(package)
    return packages


def _cpu() -> str:
    try:
        named = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        named = None
    return named[1].strip() if named else platform.processor() or platform.machine() or "unknown"


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
