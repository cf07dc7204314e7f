"""What decides, besides a step and its arguments, which program is compiled: settings, versions, machine, this source.

The cores count because XLA divides a loop by those that it sees.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jax

from cca_jax.compile_cache import private_jax
from cca_jax.compile_cache.cores import usable_cores

_log = logging.getLogger("cca_jax.compile_cache")
_NO_PROGRAM = ("cache", "jax_log")
_LIBRARIES = ("jax", "jaxlib", "flax", "numpy")
_PACKAGE = Path(__file__).parents[1]
_SOURCES = (_PACKAGE / "config", _PACKAGE / "model", _PACKAGE / "ops")  # all that the steps import


def compile_environment() -> str | None:
    """A text that differs wherever a program compiled elsewhere, or by another version of this code, may differ.

    None where that cannot be told: packages without their metadata, or this one without its source (a frozen program).
    """
    try:
        return repr((os.environ.get("XLA_FLAGS"), usable_cores(), _machine(), source_digest(_SOURCES)))
    except (PackageNotFoundError, OSError) as error:
        _log.debug("programs are not kept: %r", error)
        return None


@functools.cache
def _machine() -> tuple[object, ...]:
    device = jax.local_devices()[0]
    kind = (device.platform, device.device_kind, device.client.platform_version, len(jax.local_devices()))
    return ([version(package) for package in _LIBRARIES], kind, platform.machine(), _processor())


def settings() -> tuple[tuple[str, str], ...] | None:
    """JAX's of the calling thread, as contexts left them; without those of caches and logs, which change no program.

    None where they cannot be told.
    """
    values = private_jax.settings()
    if values is None:
        return None
    return tuple(sorted((n, repr(value)) for n, value in values.items() if not any(word in n for word in _NO_PROGRAM)))


def _processor() -> str:
    """The instructions that the processor has, where the system tells."""
    try:
        features = re.search(r"^(?:flags|Features)\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        features = None
    return platform.processor() if features is None else features[1]


@functools.cache
def source_digest(paths: tuple[Path, ...]) -> str:
    """Of the code in files and folders: any change may change a program.

    Raises:
        OSError: a file is missing, or a folder holds no code.
    """
    digest = hashlib.sha256()
    for path in paths:
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        if not files:
            raise FileNotFoundError(path)
        for file in files:
            place = file.relative_to(path) if path.is_dir() else file.name
            digest.update(str(place).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
