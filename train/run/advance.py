"""How a run gets on: one step a call with crops from the host, or several with photos that the device holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from train.recipe.config import TrainConfig
from train.run.run_data import RunData
from train.run.timing.data_wait import DataWait
from train.run.timing.utilization import Utilization
from train.step import schedules
from train.step.compiled import compile_step
from train.step.compiled_window import compile_window, seed_words
from train.step.mesh import shard_batch
from train.step.state import StepReport, TrainState


class Advance(Protocol):
    """One call of the device."""

    def __call__(self, state: TrainState, step: int, steps: int) -> tuple[TrainState, StepReport, int]:
        """Goes on from step number `step`, at most to `steps`.

        Args:
            state: after `step` steps; its buffers are given away.
            step: the same number, which the host knows without waiting for the device.
            steps: of the whole run.

        Returns:
            The state, a report of the steps done (`train.step.compiled_window.summarize`), and the number of the last.
        """
        ...


def advance_by(
    config: TrainConfig,
    data: RunData,
    mesh: Mesh,
    first: int,
    waits: DataWait,
    utilization: Utilization,
    tell: Callable[[str], None],
) -> Advance:
    """The way that a configuration asks for.

    Args:
        config: the run.
        data: its photos.
        mesh: the devices.
        first: steps done.
        waits: measures how long the device waits for a batch.
        utilization: counts a step's arithmetic.
        tell: called with a line before and after a program is compiled.

    Raises:
        ValueError: the photos do not fit on the device.
    """
    if config.photos_on_device:
        return _windows(config, data, mesh, utilization, tell)
    return _single_steps(config, data, mesh, first, waits, utilization, tell)


class _Announced:
    """A jitted function that says when it compiles: at its first call for each number of steps."""

    def __init__(self, function: Callable[..., Any], tell: Callable[[str], None]) -> None:
        self._function, self._tell, self._called = function, tell, set[int]()

    def __call__(self, steps: int, *arguments: Any) -> Any:
        if steps in self._called:
            return self._function(*arguments)
        self._called.add(steps)
        what = "the training step" if steps == 1 else f"{steps} training steps in one call"
        self._tell(f"compiling {what}: seconds for small models, minutes for large ones on a CPU")
        begun = time.monotonic()
        result = self._function(*arguments)  # returns once the program is compiled; the device computes on
        self._tell(f"compiled in {time.monotonic() - begun:.0f} s")
        return result


def _single_steps(
    config: TrainConfig,
    data: RunData,
    mesh: Mesh,
    first: int,
    waits: DataWait,
    utilization: Utilization,
    tell: Callable[[str], None],
) -> Advance:
    step_function = compile_step(config, data.steps_per_epoch, mesh)
    announced = _Announced(step_function, tell)
    batches = data.batches(first)

    def advance(state: TrainState, step: int, steps: int) -> tuple[TrainState, StepReport, int]:
        with waits.for_data():
            batch = shard_batch(next(batches), mesh)
        utilization.count(step_function, (state, batch), 1)
        state, report = announced(1, state, batch)
        waits.computing(report.skipped)
        return state, report, step + 1

    return advance


def _windows(
    config: TrainConfig, data: RunData, mesh: Mesh, utilization: Utilization, tell: Callable[[str], None]
) -> Advance:
    """Calls end at multiples of their length, so that what comes every so many steps finds them there."""
    window = compile_window(config, data.steps_per_epoch, mesh)
    announced = _Announced(window, tell)
    length = config.steps_per_call
    seed = seed_words(config.seed)
    rates = jax.jit(jax.vmap(schedules.learning_rate(config, data.steps_per_epoch)))

    def advance(state: TrainState, step: int, steps: int) -> tuple[TrainState, StepReport, int]:
        end = min(step - step % length + length, steps)
        learning_rates = rates(jnp.arange(step, end))
        arguments = (state, data.on_device(mesh), learning_rates, seed)
        utilization.count(window, arguments, end - step)
        return *announced(end - step, *arguments), end

    return advance
