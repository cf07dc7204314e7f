"""Training steps on the accelerators that are there, beside the bound of the very program that runs."""

from __future__ import annotations

import dataclasses
from typing import Any

from bench.timing import measure
from bench.training.training import step_inputs
from train.plan.accelerators.chips import chip_of
from train.plan.accelerators.cost import compiled_with_cost
from train.plan.accelerators.topology import slice_numbers
from train.recipe.config import TrainConfig
from train.recipe.presets import recipe
from train.step.compiled import compile_step
from train.step.mesh import make_mesh

_ANY_LENGTH = 1000


@dataclasses.dataclass(frozen=True)
class StepCase:
    """A step to be timed.

    Attributes:
        preset: a name or a .json of sizes.
        crops: on each device.
        precision: of the networks.
        patch_size: side of a crop.
    """

    preset: str
    crops: int
    precision: str
    patch_size: int = 256

    def __str__(self) -> str:
        return f"step of {self.preset}, {self.crops} crops of {self.patch_size}² a device, {self.precision}"


def measure_step(case: StepCase, repetitions: int) -> dict[str, Any]:
    """Seconds of a step of the preset's recipe and, where the chip is known, its bound; bytes are one device's."""
    mesh = make_mesh()
    kind = mesh.devices.flat[0].device_kind
    own = {
        "data": "random",
        "batch_size": case.crops * mesh.size,
        "patch_size": case.patch_size,
        "precision": case.precision,
    }
    config = TrainConfig(**{**recipe(case.preset, TrainConfig.rate_weight), **own})
    state, crops = step_inputs(config, mesh)
    traced = compile_step(config, _ANY_LENGTH, mesh).trace(state, crops)
    program, cost = compiled_with_cost(traced, slice_numbers(mesh.devices))

    def step() -> Any:
        nonlocal state
        state, report = program(state, crops)
        return report

    seconds = measure(step, repetitions).median
    found = {
        "devices": mesh.size,
        "seconds": seconds,
        "crops_per_second": config.batch_size / seconds,
        "tflops_per_second": cost.operations / seconds / 1e12,
        "main_memory_bytes": cost.traffic,
        "memory_bytes": cost.memory.peak,
        "compile_seconds": cost.compile_seconds,
    }
    if (chip := chip_of(kind)) is not None:
        bound = cost.bound(chip)
        found |= {
            "bound_seconds": bound.least,
            "bound_by": bound.by,
            "share_of_bound": bound.least / seconds,
            "share_of_peak": cost.operations / seconds / chip.peak,
        }
    return found
