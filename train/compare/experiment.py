"""Trains every variant with every seed, in one process, and keeps what came out.

A seed's runs come one after the other, so that what is done can be compared at any time. Photos are opened and put on
the device once; programs are compiled once a variant, because a run's seed is an argument of its steps.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
from jax.sharding import Mesh

from cca_jax.image_io.files import write_atomically
from train.checkpoints.saved_run import CONFIG
from train.compare.real_files import file_points
from train.compare.results import FILE_NAME, Results, RunResult, read_results
from train.compare.variants import MATCHED, Variant
from train.recipe.config import REPORTING_ONLY, TrainConfig
from train.run.interrupts import Interrupts
from train.run.loop import run
from train.run.reporting import metrics_log
from train.run.run_data import RunData
from train.step.state import TrainState

RUNS = "runs"
_COMPILING_ONLY = {"kernel_memory"}
"""What changes nothing of a run but how it is compiled."""


@dataclasses.dataclass(frozen=True)
class Planned:
    """A run to be done."""

    variant: Variant
    seed: int
    config: TrainConfig
    init_from: str | None

    def folder(self, out: Path) -> Path:
        """Where its run lies."""
        return out / RUNS / f"{self.variant.name}-{self.seed}"


def plan_runs(variants: list[Variant], common: argparse.Namespace, seeds: range) -> list[Planned]:
    """All runs in their order; validated once, at their end.

    Raises:
        ValueError: options that cannot be.
    """
    planned = []
    for seed in seeds:
        for variant in variants:
            config, init_from = variant.run(common, seed)
            once = dataclasses.replace(config, validate_every=config.duration)
            planned.append(Planned(variant, seed, once, init_from))
    first = planned[0]
    for one in planned:
        own = [name for name in sorted(MATCHED - {"seed"}) if getattr(one.config, name) != getattr(first.config, name)]
        if own:
            raise ValueError(
                f"variant {one.variant.name} has another {', '.join(own)} than {first.variant.name}, by its preset: "
                "give all the same on the command line"
            )
    return planned


def carry_out(
    planned: list[Planned],
    data: RunData,
    out: Path,
    mesh: Mesh,
    interrupts: Interrupts,
    tell: Callable[[str], None],
    files: bool = False,
) -> Results:
    """Does what is left of an experiment, until a signal or a time limit asks to end.

    Args:
        planned: all runs, done or not.
        data: the photos.
        out: the experiment's folder.
        mesh: the devices.
        interrupts: what asks to end.
        tell: called with every line a person should see.
        files: measures real files of whole photos.

    Returns:
        What is done now, also saved.

    Raises:
        ValueError: the folder holds another experiment, or a run cannot be.
    """
    variants = list(dict.fromkeys(one.variant.name for one in planned))
    seeds = sorted({one.seed for one in planned})
    results = Results(variants, seeds, _done_before(planned, out, files))
    for number, one in enumerate(planned, 1):
        if _find(results.runs, one) is not None:
            continue
        if interrupts.requested:
            break
        tell(f"run {number} of {len(planned)}: {one.variant.name}, seed {one.seed}")
        result = _carry_out_one(one, data, out, mesh, interrupts, tell, files)
        if result is None:
            break
        results = dataclasses.replace(results, runs=[*results.runs, result])
        results.save(out)
    return results


def left(planned: list[Planned], results: Results) -> int:
    """How many of the runs are not done."""
    return sum(_find(results.runs, one) is None for one in planned)


def _carry_out_one(
    one: Planned,
    data: RunData,
    out: Path,
    mesh: Mesh,
    interrupts: Interrupts,
    tell: Callable[[str], None],
    files: bool,
) -> RunResult | None:
    """One run to its end; None where it was asked to end before."""
    folder = one.folder(out)
    _check_beginning(one, folder)
    with data.of(one.config) as own:
        state = run(
            one.config, own, folder, mesh=mesh, tell=tell, resume=(folder / CONFIG).is_file(),
            init_from=one.init_from, interrupts=interrupts,
        )  # fmt: skip
    if int(state.step) < one.config.duration.steps(data.steps_per_epoch):
        return None
    return _result(one, state, folder, data, files)


def _check_beginning(one: Planned, folder: Path) -> None:
    """Keeps what a run begins from, which its own configuration does not say; raises ValueError where that changed."""
    kept = folder.with_name(f"{folder.name}.init_from.json")
    if not (folder / CONFIG).is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, json.dumps(one.init_from).encode())
    elif json.loads(kept.read_text()) != one.init_from:
        raise ValueError(f"{folder} began from another model: give the same --init-from, or another --out")


def _done_before(planned: list[Planned], out: Path, files: bool) -> list[RunResult]:
    """The results that the folder has; those of other variants or seeds stay there, too."""
    if not (out / FILE_NAME).is_file():
        return []
    runs = read_results(out).runs
    if any(run.of_files != files for run in runs):
        raise ValueError(f"{out} was measured {'without' if files else 'with'} --files: do the same, or another --out")
    for one in planned:
        found = _find(runs, one)
        if found is not None and (changed := _changed(found, one)):
            raise ValueError(
                f"{out} holds {one.variant.name} with other options ({', '.join(changed)}): give the same, or another "
                "--out"
            )
    return runs


def _find(runs: list[RunResult], one: Planned) -> RunResult | None:
    same = (run for run in runs if (run.variant, run.seed) == (one.variant.name, one.seed))
    return next(same, None)


def _changed(found: RunResult, one: Planned) -> list[str]:
    wanted, had = one.config.to_dict(), TrainConfig.from_dict(found.config).to_dict()  # results lack newer options
    changed = [name for name in wanted if name not in REPORTING_ONLY | _COMPILING_ONLY and had[name] != wanted[name]]
    return changed + (["init_from"] if found.init_from != one.init_from else [])


def _result(one: Planned, state: TrainState, folder: Path, data: RunData, files: bool) -> RunResult:
    lines = [json.loads(line) for line in (folder / metrics_log.FILE_NAME).read_text().splitlines()]
    validation: dict[str, Any] = [line for line in lines if line["kind"] == "validation"][-1]
    rates = _known(validation.get("rates", [validation["rate"]]))
    psnrs = _known(validation.get("psnrs", [validation["psnr"]]))
    photos = len(data.validation)
    if files:
        rates, psnrs, photos = file_points(jax.device_get(state.best_params), one.config.model, data.held_out)
    paces = [line["seconds_per_step"] for line in lines if line["kind"] == "train"]
    return RunResult(
        variant=one.variant.name,
        seed=one.seed,
        config=one.config.to_dict(),
        init_from=one.init_from,
        loss=_known([validation["loss"]])[0],
        rates=rates,
        psnrs=psnrs,
        seconds_per_step=statistics.median(paces[1:] or paces) if paces else None,
        device=jax.devices()[0].device_kind,
        of_files=files,
        photos=photos,
    )


def _known(values: list[float | None]) -> list[float]:
    """Numbers of a log, which has null where they were not finite: no mean and no BD-rate is made of them."""
    return [math.nan if value is None else value for value in values]
