"""A training step: how long it compiles, how long it runs, what memory it takes.

`python -m bench.training` prints the figures of one case as a line of JSON; a process has one number of devices, so the
suite runs each case in a process of its own.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from bench.timing import Timing, measure
from cca_jax.cli.parser import OneLineParser
from cca_jax.cli.process import prepare_process
from cca_jax.config import resolve_config
from train.init.start import starting_params
from train.recipe.config import TrainConfig
from train.recipe.durations import Duration
from train.run.allocator import keep_freed_memory
from train.step.compiled import compile_step
from train.step.mesh import make_mesh, shard_batch
from train.step.placement import first_state
from train.step.state import TrainState


@dataclasses.dataclass(frozen=True)
class TrainingFigures:
    """One case.

    Attributes:
        devices: over which the batch was divided.
        trace_seconds: from Python to the compiler's input.
        compile_seconds: of the compiler, without its cache.
        step: seconds of a step.
        crops_per_second: over all devices, from the median step.
        memory_bytes: of the program on one device: arguments, results and temporary buffers.
    """

    devices: int
    trace_seconds: float
    compile_seconds: float
    step: Timing
    crops_per_second: float
    memory_bytes: int


def step_inputs(config: TrainConfig, mesh: Mesh) -> tuple[TrainState, jax.Array]:
    """The first state of a run, and random crops uint8 [B, S, S, 3], on the mesh."""
    state = first_state(starting_params(config, None, print), config, mesh)
    shape = (config.batch_size, config.patch_size, config.patch_size, 3)
    return state, shard_batch(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), mesh)


def time_training(config: TrainConfig, repetitions: int) -> TrainingFigures:
    """Compiles the run's own step and times it on random crops, on all devices of this process."""
    mesh = make_mesh()
    state, crops = step_inputs(config, mesh)
    started = time.perf_counter()
    lowered = compile_step(config, 1000, mesh).lower(state, crops)
    traced = time.perf_counter()
    program = lowered.compile()
    compiled = time.perf_counter()

    def step() -> Any:
        nonlocal state
        state, report = program(state, crops)
        return report

    timing = measure(step, repetitions)
    analysis = program.memory_analysis()
    # Results that take over an argument's buffer (the state's) are counted once.
    memory = (
        analysis.argument_size_in_bytes
        + analysis.output_size_in_bytes
        - analysis.alias_size_in_bytes
        + analysis.temp_size_in_bytes
    )
    return TrainingFigures(
        mesh.size, traced - started, compiled - traced, timing, config.batch_size / timing.median, memory
    )


def run_case(devices: int, **flags: object) -> TrainingFigures:
    """The figures of one case, from a process of its own with so many virtual devices.

    Args:
        devices: over which the batch is divided.
        flags: the options of `python -m bench.training`, with underscores.

    Raises:
        ValueError: it did not run; its own message is on standard error.
    """
    command = [sys.executable, "-m", "bench.training.training"]
    command += [part for name, value in flags.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    environment = {**os.environ, "JAX_ENABLE_COMPILATION_CACHE": "false"}
    if devices > 1:
        environment["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ValueError(f"the training step of {flags['preset']} could not be timed: see above")
    values = json.loads(done.stdout)
    return TrainingFigures(**{**values, "step": Timing(**values["step"])})


def main(arguments: list[str] | None = None) -> int:
    """Prints one case; returns the exit status."""
    keep_freed_memory()  # as `python -m train` does
    parser = OneLineParser(prog="python -m bench.training", description=__doc__)
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--batch-size", type=int, default=2)
    parser.add_argument("--patch-size", type=int, default=128)
    parser.add_argument("--cca", choices=("reference", "stopped", "off"), default="reference")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--remat", action="store_true")
    parser.add_argument("--repetitions", type=int, default=5)
    options = vars(parser.parse_args(arguments))
    prepare_process()
    repetitions, preset = options.pop("repetitions"), options.pop("preset")
    try:
        config = TrainConfig(
            model=resolve_config(preset), data="random", duration=Duration(1000), drop_at=Duration(800), **options
        )
        figures = time_training(config, repetitions)
    except ValueError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    sys.stdout.write(json.dumps(dataclasses.asdict(figures)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
