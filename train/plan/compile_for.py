"""`--compile-for`: the run's own step, compiled for devices that need not be there, and what it costs on them."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from train.checkpoints.checkpoints import abstract
from train.data.packed import MOST_PIXELS, PackedPhotos
from train.plan.accelerators.cost import ProgramCost, program_cost
from train.plan.accelerators.kernel_schedules import schedules_written
from train.plan.accelerators.topology import Topology, described_devices, slice_numbers
from train.recipe.config import TrainConfig
from train.step.compiled import compile_step
from train.step.compiled_window import compile_window, seed_words
from train.step.mesh import check_divides, divided, make_mesh, replicated
from train.step.placement import abstract_state

_STEPS_PER_EPOCH = 1000
"""Any: it moves constants of schedules, and no shape."""
_PHOTOS = 1024
_PIXEL_BYTES = 4


@dataclasses.dataclass(frozen=True)
class CompiledRun:
    """A run's step on a topology.

    Attributes:
        config: the run.
        topology: what it was compiled for.
        steps: that one call of the program does.
        cost: of one call, a device.
    """

    config: TrainConfig
    topology: Topology
    steps: int
    cost: ProgramCost

    @property
    def fits(self) -> bool:
        """Whether a device's memory is large enough."""
        return self.cost.memory.peak <= self.topology.chip.memory

    @property
    def seconds(self) -> float:
        """Of a step, at best."""
        return self.cost.bound(self.topology.chip).least / self.steps

    @property
    def crops_per_second(self) -> float:
        """Over all devices, at best."""
        return self.config.batch_size / self.seconds


def compile_run(config: TrainConfig, topology: Topology, schedules: bool = False) -> CompiledRun:
    """Compiles the step that a run would take, for all devices of a topology.

    No photos are read: where the device holds them (`photos_on_device`), they take all of `photo_memory`.

    Args:
        config: the run.
        topology: the devices.
        schedules: whether to count the cycles of the kernels' schedules, for TPUs.

    Raises:
        ValueError: the batch does not divide among the devices, there is no compiler for them, or none that schedules.
        RuntimeError: the compiler finds no way within a device's memory (see `is_out_of_memory`).
    """
    if schedules and topology.chip.platform != "tpu":
        raise ValueError(f"--schedules is for TPUs: a {topology.chip.name} makes its own while it runs")
    with schedules_written() if schedules else contextlib.nullcontext() as folder:
        devices = described_devices(topology)
        mesh = make_mesh(devices)
        check_divides(config.batch_size, config.accumulate, mesh)
        cost = program_cost(_traced(config, mesh), slice_numbers(devices), folder)
    return CompiledRun(config, topology, config.steps_per_call, cost)


def _traced(config: TrainConfig, mesh: Mesh) -> Any:
    state = abstract_state(config, mesh)
    if config.photos_on_device:
        rates = jax.ShapeDtypeStruct((config.steps_per_call,), jnp.float32, sharding=replicated(mesh))
        photos = abstract(_photos(config), replicated(mesh))
        seed = abstract(seed_words(config.seed), replicated(mesh))
        return compile_window(config, _STEPS_PER_EPOCH, mesh).trace(state, photos, rates, seed)
    shape = (config.batch_size, config.patch_size, config.patch_size, 3)
    crops = jax.ShapeDtypeStruct(shape, jnp.uint8, sharding=divided(mesh))
    return compile_step(config, _STEPS_PER_EPOCH, mesh).trace(state, crops)


def _photos(config: TrainConfig) -> PackedPhotos:
    """Shapes of as many photos as the run's device would hold."""
    pixels = min(config.photo_memory * 2**20 // _PIXEL_BYTES, MOST_PIXELS)
    numbers = jax.ShapeDtypeStruct((_PHOTOS,), np.int32)
    return PackedPhotos(
        pixels=jax.ShapeDtypeStruct((pixels,), np.uint32),
        offsets=numbers,
        heights=numbers,
        widths=numbers,
        cumulative=jax.ShapeDtypeStruct((_PHOTOS,), np.float32),
        count=jax.ShapeDtypeStruct((), np.int32),
    )
