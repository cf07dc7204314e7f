"""Training steps on the accelerators that are there, beside the bound of the very program that runs."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import jax

from bench.timing import summarize
from bench.training.training import step_inputs
from train.plan.accelerators.chips import chip_of
from train.plan.accelerators.cost import compiled_with_cost
from train.plan.accelerators.topology import slice_numbers
from train.recipe.config import TrainConfig
from train.recipe.presets import recipe
from train.step.compiled import compile_step
from train.step.mesh import make_mesh

_ANY_LENGTH = 1000
_WINDOWS = 3


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

    def config(self, devices: int) -> TrainConfig:
        """The run that has this step: the preset's recipe."""
        own = {
            "data": "random",
            "batch_size": self.crops * devices,
            "patch_size": self.patch_size,
            "precision": self.precision,
        }
        return TrainConfig(**{**recipe(self.preset, TrainConfig.rate_weight), **own})


def measure_step(case: StepCase, steps: int) -> dict[str, Any]:
    """Seconds of a step and, where the chip is known, its bound; bytes are one device's.

    Args:
        case: the step.
        steps: that are run in a row, as in a run, before the last is waited for; three such rows are timed.
    """
    mesh = make_mesh()
    kind = mesh.devices.flat[0].device_kind
    config = case.config(mesh.size)
    state, crops = step_inputs(config, mesh)
    traced = compile_step(config, _ANY_LENGTH, mesh).trace(state, crops)
    program, cost = compiled_with_cost(traced, slice_numbers(mesh.devices))

    def step() -> Any:
        nonlocal state
        state, report = program(state, crops)
        return report

    step()
    timing = summarize([_seconds_of_step(step, steps) for _ in range(_WINDOWS)])
    found = {
        "devices": mesh.size,
        "crops": case.crops,
        "precision": case.precision,
        "seconds": timing.median,
        "seconds_low": timing.low,
        "seconds_high": timing.high,
        "crops_per_second": config.batch_size / timing.median,
        "tflops_per_second": cost.operations / timing.median / 1e12,
        "main_memory_bytes": cost.traffic,
        "memory_bytes": cost.memory.peak,
        "compile_seconds": cost.compile_seconds,
    }
    if (chip := chip_of(kind)) is not None:
        bound = cost.bound(chip)
        found |= {
            "bound_seconds": bound.least,
            "bound_by": bound.by,
            "share_of_bound": bound.least / timing.median,
            "share_of_peak": cost.operations / timing.median / chip.peak,
        }
    return found


def _seconds_of_step(step: Callable[[], Any], steps: int) -> float:
    jax.block_until_ready(step())
    started = time.perf_counter()
    for _ in range(steps - 1):
        step()
    jax.block_until_ready(step())
    return (time.perf_counter() - started) / steps
