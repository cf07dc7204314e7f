"""Described devices: "v5e:4x4" or "h100:8" as devices that JAX compiles for, on a machine that has none of them.

The convention of names is MaxText's: a TPU's slice by the sides of its torus, several slices by their number. GPUs are
counted; eight share a host.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import math
import os
import re
from typing import Any

import jax
import numpy as np
from jax.experimental import topologies

from train.plan.accelerators.chips import CHIPS, Chip
from train.plan.accelerators.gpu_target import gpu_target

EXAMPLES = "v5e:4x4, v5p:2x2x4, v6e:4x4, h100:8, h200:8"
_HOST_GPUS = 8
_SIDES = {"v4": 3, "v5p": 3, "v5e": 2, "v6e": 2}


@dataclasses.dataclass(frozen=True)
class Topology:
    """Devices by name.

    Attributes:
        chip: what each is.
        sides: of a TPU's slice; of GPUs, their number.
        slices: TPU slices of that size.
    """

    chip: Chip
    sides: tuple[int, ...]
    slices: int = 1

    @property
    def size(self) -> int:
        """Devices in all."""
        return math.prod(self.sides) * self.slices

    def __str__(self) -> str:
        name = f"{self.chip.name}:{'x'.join(map(str, self.sides))}"
        return name if self.slices == 1 else f"{self.slices} slices of {name}"


def parse_topology(text: str, slices: int = 1) -> Topology:
    """A topology from its name.

    Raises:
        ValueError: it is none.
    """
    found = re.fullmatch(r"(\w+):([1-9]\d{0,3}(?:x[1-9]\d{0,3})*)", text)
    if found is None or found[1] not in CHIPS:
        raise ValueError(f"{text!r} is not a topology: write a chip of {', '.join(CHIPS)} and its size, as {EXAMPLES}")
    chip, sides = CHIPS[found[1]], tuple(map(int, found[2].split("x")))
    if slices < 1:
        raise ValueError(f"--num-slices must be at least 1, got {slices}")
    if chip.platform == "gpu":
        if len(sides) != 1 or (sides[0] > _HOST_GPUS and sides[0] % _HOST_GPUS):
            raise ValueError(
                f"{text!r}: give the number of GPUs, up to {_HOST_GPUS} or a multiple of it, as {chip.name}:8"
            )
        if slices > 1:
            raise ValueError("--num-slices is for TPUs: give the number of all GPUs")
    elif len(sides) != _SIDES[chip.name]:
        example = "x".join("2" * _SIDES[chip.name])
        raise ValueError(f"{text!r}: a slice of {chip.name} has {_SIDES[chip.name]} sides, as {chip.name}:{example}")
    return Topology(chip, sides, slices)


def described_devices(topology: Topology) -> np.ndarray:
    """The devices [N], slice by slice; this process computes on the CPU from then on.

    Must come before anything else touches JAX.

    Raises:
        ValueError: the compiler's package is not installed, or the compiler knows no such slice.
    """
    # On a host with an accelerator the described ones are still others; and a compiler needs no device.
    jax.config.update("jax_platforms", "cpu")
    if topology.chip.platform == "gpu":
        return _gpus(topology)
    return _tpus(topology)


def slice_numbers(devices: np.ndarray) -> list[int]:
    """Of each device, the slice or host whose interconnect it shares with others."""
    if devices.flat[0].platform == "gpu":
        return [device.process_index for device in devices.flat]
    return [getattr(device, "slice_index", None) or 0 for device in devices.flat]


def _tpus(topology: Topology) -> np.ndarray:
    _require("libtpu", "aot-tpu", topology)
    # Nothing asks for a machine's metadata, and several compilers may run at once: none of them holds a chip.
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    os.environ.setdefault("TPU_ACCELERATOR_TYPE", "v5litepod-4")
    os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
    os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
    options: dict[str, Any] = {"num_slices": topology.slices} if topology.slices > 1 else {}
    if math.prod(topology.sides) < 4:
        options["chips_per_host_bounds"] = (*topology.sides, 1)[:3]
    if topology.chip.name == "v4":
        options["chip_config_name"] = "megacore"  # both cores of a chip as one device
    name = f"{topology.chip.name}:{'x'.join(map(str, topology.sides))}"
    return _devices(topology, "tpu", name, options)


def _gpus(topology: Topology) -> np.ndarray:
    _require("jax_plugins.xla_cuda12", "aot-gpu", topology)
    jax.devices("cpu")  # registers the plugin
    hosts, each = divmod(topology.size, _HOST_GPUS) if topology.size > _HOST_GPUS else (1, topology.size)
    layout = f"1x{hosts}x{each or _HOST_GPUS}"
    options = {"target_config": gpu_target(topology.chip), "topology": layout}
    return _devices(topology, "cuda", topology.chip.name, options)


def _devices(topology: Topology, platform: str, name: str, options: dict[str, Any]) -> np.ndarray:
    try:
        devices = topologies.get_topology_desc(platform=platform, topology_name=name, **options).devices
    except Exception as error:  # whatever a plugin raises
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"{topology}: the compiler knows no such topology ({reason[:200]})") from error
    if len(devices) != topology.size:
        raise ValueError(
            f"{topology}: the compiler describes {len(devices)} devices where there should be {topology.size}"
        )
    return np.array(devices)


def _require(package: str, extra: str, topology: Topology) -> None:
    try:
        present = importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # of the package's parent
        present = False
    if not present:
        raise ValueError(
            f"{topology}: its compiler, {package.rpartition('.')[2]}, is not installed: pip install '.[{extra}]' in an "
            "environment of its own (`make test-aot` makes .venv-aot)"
        )
