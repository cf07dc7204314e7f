"""A run, from its first step or its last checkpoint to its end."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from cca_jax.image_io.files import write_atomically
from cca_jax.model.cca import CCAModel
from train.checkpoints.checkpoints import Checkpoints
from train.checkpoints.saved_run import CONFIG, LAYOUT, read_config, restore_state
from train.init.start import starting_params
from train.recipe.config import REPORTING_ONLY, TrainConfig
from train.recipe.trace_window import TraceWindow
from train.run.advance import advance_by
from train.run.interrupts import Interrupts
from train.run.kernels import try_kernels
from train.run.reporting.console import noise_warning
from train.run.reporting.reporter import Reporter
from train.run.run_data import RunData
from train.run.timing.data_wait import DataWait
from train.run.timing.goodput import CHECKPOINTS, COMPILATION, VALIDATION, Goodput
from train.run.timing.pace import Pace
from train.run.timing.profile import Profile
from train.run.timing.utilization import Utilization
from train.run.validation import validate
from train.step import schedules
from train.step.mesh import check_divides, own_copy, wait_for_all, wait_on_cpu
from train.step.placement import first_state, whole_params
from train.step.state import StepReport, TrainState

_RESUMABLE = REPORTING_ONLY | {"duration", "fall", "shard_state", "kernel_memory"}
"""What a resumed run may change; where its state lies and how it is compiled change its numbers by rounding alone."""


def run(
    config: TrainConfig,
    data: RunData,
    folder: Path,
    *,
    mesh: Mesh,
    tell: Callable[[str], None],
    resume: bool = False,
    init_from: str | None = None,
    interrupts: Interrupts | None = None,
    profile: TraceWindow | None = None,
) -> TrainState:
    """Trains until the configuration's duration, or until a signal or a time limit asks to end; saves either way.

    Args:
        config: the run; saved as config.json in the folder.
        data: its photos.
        folder: receives config.json, metrics.jsonl, TensorBoard's events and the checkpoints.
        mesh: the devices.
        tell: called with every line a person should see; in process 0 only.
        resume: continue from the folder's newest checkpoint where there is one.
        init_from: where a run without one begins; see `train.init.start.starting_params`.
        interrupts: what asks it to end.
        profile: steps to take a trace of.

    Raises:
        ValueError: options that cannot be, a folder that holds another run, or too many steps in a row that are not
            finite.
        OSError: the folder cannot be written.
    """
    goodput = Goodput()
    check_divides(config.batch_size, config.accumulate, mesh)
    report = tell if jax.process_index() == 0 else lambda line: None
    try_kernels(config, report)
    _check_folder(config, folder, resume)
    # Before anything is written: a mistake in --init-from must not leave half a run.
    begun = (folder / CONFIG).exists()
    params = None if begun else starting_params(config, init_from, report)
    _write_config(config, folder)
    if (warning := noise_warning(config)) is not None:
        report(warning)
    with Checkpoints(folder, config.keep, report) as checkpoints:
        step = checkpoints.latest_step()
        if step is None:
            params = starting_params(config, init_from, report) if params is None else params
            state, metadata = first_state(params, config, mesh), {"best": None}
            if init_from is not None:  # or a run killed before its first checkpoint would begin with a draw
                checkpoints.save(0, state, {**metadata, "photos": data.fingerprint, LAYOUT: state.layout})
                checkpoints.wait()
                state = own_copy(state)
        else:
            state, metadata = restore_state(checkpoints, config, mesh)
            report(f"continuing {folder} from step {int(state.step)}")
            if checkpoints.best_step() is None:
                metadata["best"] = None  # or a lost best one would only be replaced by a better
            if metadata.get("photos", data.fingerprint) != data.fingerprint:
                report("warning: these are not the photos that the run has seen so far: crops differ from here on")
        worker = _Run(config, data, mesh, checkpoints, metadata["best"], interrupts or Interrupts(), goodput, report)
        first = int(state.step)
        with Profile(profile, folder, first, report) as trace:
            if jax.process_index() > 0:
                return worker.train(state, None, trace)
            steps = worker.steps
            with Reporter(folder, first, steps, config.batch_size, config.model.num_slices, report) as reporter:
                return worker.train(state, reporter, trace)


class _Run:
    """The steps of one run, and what happens between them."""

    def __init__(
        self, config: TrainConfig, data: RunData, mesh: Mesh, checkpoints: Checkpoints,
        best: dict[str, Any] | None, interrupts: Interrupts, goodput: Goodput, tell: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.config, self.data, self.mesh, self.checkpoints = config, data, mesh, checkpoints
        self.best, self.interrupts, self.goodput, self.tell = best, interrupts, goodput, tell
        self.steps, self.validate_every, self.save_every = (
            duration.steps(data.steps_per_epoch)
            for duration in (config.duration, config.validate_every, config.save_every)
        )
        self.weight_of = schedules.rate_weight(config, data.steps_per_epoch)
        # Validation rounds: what a model trained in bfloat16 is worth is what its float32 weights give in float32.
        self.evaluated = CCAModel(config.model)

    def train(self, state: TrainState, reporter: Reporter | None, trace: Profile) -> TrainState:
        """All steps that are left."""
        self.goodput.started()
        first = int(state.step)
        with DataWait(self.goodput) as waits:
            state, step = self._steps(state, reporter, trace, waits)
        if step == first:
            return state
        trace.finish(step)
        with self.goodput.spent(CHECKPOINTS):
            self.checkpoints.wait()
        if reporter is not None:
            reporter.goodput(step, *self.goodput.shares())
        return state

    def _steps(
        self, state: TrainState, reporter: Reporter | None, trace: Profile, waits: DataWait
    ) -> tuple[TrainState, int]:
        first = step = int(state.step)
        utilization = Utilization(self.mesh)
        advance = advance_by(self.config, self.data, self.mesh, first, waits, utilization, self.tell)
        report: StepReport | None = None
        pace, calls = Pace(first, waits, utilization), 0
        while step < self.steps:
            previous, before = report, step
            trace.before(step)
            with self.goodput.spent(COMPILATION) if before == first else contextlib.nullcontext():
                state, report, step = advance(state, step, self.steps)
            wait_on_cpu(state, self.mesh)
            traced = trace.after(step, report)
            self._check_finite(previous)  # that of the step before: this one is still being computed
            last = step == self.steps
            passed = partial(_passes, before, step)
            if (passed(self.config.log_every) or last) and reporter is not None:
                values = _numbers(report)
                reporter.train(step, values, pace.values(step))
                pace.restart(step)
            if before == first or traced:
                # What compiling or tracing took is not the steps' time either.
                jax.block_until_ready(state.step)
                pace.restart(step)
            calls += 1
            stop = not last and self.interrupts.agreed(calls)
            due = passed(self.validate_every) or last
            if due or passed(self.save_every) or stop:
                jax.block_until_ready(state.step)  # what is left of the steps is not validation's or saving's time
            improved = due and self._validate(step, state, reporter)
            if improved or passed(self.save_every) or last or stop:
                with self.goodput.spent(CHECKPOINTS):
                    self.checkpoints.save(step, state, {**self._facts(), LAYOUT: state.layout}, best=improved)
            if due or passed(self.save_every):
                # What validating and saving took is not the steps' time.
                pace.restart(step)
            if stop:
                break
        self._check_finite(report)
        return state, step

    def _check_finite(self, report: StepReport | None) -> None:
        limit = self.config.nonfinite_limit
        if report is not None and int(report.skipped_in_row) >= limit:
            raise ValueError(
                f"the loss or its gradients were not finite for {limit} steps in a row, which were skipped: start "
                "another run with --init-from this one and a lower --learning-rate, or look for broken photos"
            )

    def _validate(self, step: int, state: TrainState, reporter: Reporter | None) -> bool:
        """Validates, reports, and says whether this is the best so far under the present objective."""
        weight = float(self.weight_of(step - 1))
        originals = self.data.validation
        with self.goodput.spent(VALIDATION):
            params = whole_params(state.best_params, self.config, self.mesh)
            values, decoded = validate(self.evaluated, params, originals, weight, self.config.loss, self.mesh)
        weights = self.config.model.rate_weights
        named = (
            "rate weights " + ", ".join(f"{w:g}" for w in weights) + " over their roots"
            if weights
            else f"rate weight {weight:g}"
        )
        objective = f"{self.config.loss}, {named}"
        before = self.best if self.best is not None and self.best["objective"] == objective else None
        improved = bool(np.isfinite(values["loss"])) and (before is None or values["loss"] < before["loss"])
        if improved:
            self.best = {"objective": objective, "loss": values["loss"], "step": step}
        if reporter is not None:
            reporter.validation(step, values, improved, originals, decoded)
        return improved

    def _facts(self) -> dict[str, Any]:
        return {"best": self.best, "photos": self.data.fingerprint}


def _passes(before: int, step: int, every: int) -> bool:
    """Whether a multiple of `every` lies in (before, step]."""
    return step // every > before // every


def _numbers(report: StepReport) -> dict[str, float]:
    leaves = jax.tree_util.tree_leaves_with_path(jax.device_get(report))
    return {path[-1].name: float(leaf) for path, leaf in leaves}


def _check_folder(config: TrainConfig, folder: Path, resume: bool) -> None:
    """Raises ValueError where the folder holds a run that is not to be resumed, or one of other options."""
    if not (folder / CONFIG).exists():
        return
    if not resume:
        raise ValueError(f"{folder} already holds a run: continue it with --resume, or name another folder")
    values, old = config.to_dict(), read_config(folder).to_dict()
    changed = [key for key in values if key not in _RESUMABLE and values[key] != old[key]]
    if changed:
        options = ", ".join(f"{key} was {old[key]}" for key in changed)
        raise ValueError(f"{folder} was started with other options: {options}; give the same, or start another run")


def _write_config(config: TrainConfig, folder: Path) -> None:
    """Makes the run's folder and its config.json."""
    wait_for_all("folder checked")  # all have looked before one of them writes
    if jax.process_index() == 0:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / CONFIG, (json.dumps(config.to_dict(), indent=2) + "\n").encode())
