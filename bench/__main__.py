"""`python -m bench`: coding, processes, folders, memory, tiles, training steps, the CPU's lowerings, the data pipeline.

Tables on standard output, and JSON with --json. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys

from rich.console import Console

from bench import options as command
from bench import tables
from cca_jax.cli.console import print_problem
from cca_jax.cli.errors import EXIT_BAD_INPUT, EXPECTED, describe
from cca_jax.cli.process import prepare_process
from cca_jax.compile_cache.cores import usable_cores
from cca_jax.image_io.files import write_atomically
from eval.results.machine import describe_machine, versions

_PHOTO = (512, 768)
"""Height and width of the photo that whole processes are measured with."""


def _codec(options: argparse.Namespace, console: Console) -> object:
    from bench.coding.codec import time_codec
    from bench.models import open_codec

    figures = {}
    for model in options.models:
        codec = open_codec(model, options.coder)
        figures[model] = {(h, w): time_codec(codec, h, w, options.repetitions) for h, w in options.sizes}
        console.print(tables.codec_table(model, figures[model]))
        console.print(tables.parts_table(model, figures[model]))
    return {model: {tables.size_name(size): f for size, f in sizes.items()} for model, sizes in figures.items()}


def _process(options: argparse.Namespace, console: Console) -> object:
    from bench.process.process import time_processes

    reference = None if options.reference is None else (options.reference, options.reference_python)
    figures = {
        model: time_processes(model, _PHOTO, options.coder, reference, options.repetitions) for model in options.models
    }
    console.print(tables.process_table(_PHOTO, figures))
    return figures


def _memory(options: argparse.Namespace, console: Console) -> object:
    from bench.process.process import measure_memory

    figures_by_size = {}
    for size in options.sizes:
        figures = {model: measure_memory(model, size, options.coder) for model in options.models}
        console.print(tables.process_table(size, figures))
        figures_by_size[tables.size_name(size)] = figures
    return figures_by_size


def _profile(options: argparse.Namespace, console: Console) -> object:
    from bench.process.stages import draw, profile

    figures = {model: profile(model, _PHOTO, options.repetitions) for model in options.models}
    console.print(tables.profile_table(_PHOTO, figures))
    if options.picture is not None:
        draw(figures, f"{tables.size_name(_PHOTO)}, {usable_cores()} cores", options.picture)
    return figures


def _bulk(options: argparse.Namespace, console: Console) -> object:
    from bench.bulk.folders import time_folder

    results = {}
    for model in options.models:
        figures, missing = time_folder(options.data, model, options.before, options.repetitions)
        console.print(tables.folders_table(model, figures))
        for program in missing:
            print_problem(f"{program}: is not installed, so it is not timed")
        results[model] = figures
    return results


def _scale(options: argparse.Namespace, console: Console) -> object:
    from bench.bulk.scale import fit, measure_scale

    results: dict[str, object] = {}
    for model in options.models:
        figures = measure_scale(options.data, model, options.cases)
        cost = fit(figures) if len(figures) > 2 else None
        console.print(tables.scale_table(model, figures, cost))
        results[model] = {"runs": figures, "model": cost}
    return results


def _seams(options: argparse.Namespace, console: Console) -> object:
    from bench.coding.seams import measure_seams
    from bench.models import open_codec

    figures = {
        model: measure_seams(open_codec(model, options.coder), options.data, options.tile) for model in options.models
    }
    console.print(tables.seams_table(options.tile, figures))
    return figures


def _training(options: argparse.Namespace, console: Console) -> object:
    from bench.training.training import run_case

    flags = {name: getattr(options, name) for name in ("batch_size", "patch_size", "precision", "repetitions")}
    figures = {
        preset: [run_case(devices, preset=preset, **flags) for devices in options.devices] for preset in options.presets
    }
    size = f"{options.batch_size} crops of {options.patch_size}², {options.precision}"
    console.print(tables.training_table(size, figures))
    return figures


def _lowerings(options: argparse.Namespace, console: Console) -> object:
    from bench.training.lowerings import cases, time_lowering

    figures = {case.name: time_lowering(case, options.repetitions) for case in cases()}
    console.print(tables.lowerings_table(figures))
    return figures


def _data(options: argparse.Namespace, console: Console) -> object:
    from bench.training.data import crops_per_second

    rates = {workers: crops_per_second(options.data, options.patch_size, workers, seconds=4.0) for workers in (0, 2)}
    console.print(tables.data_table(options.patch_size, rates, usable_cores(), options.crops_per_second))
    return rates


def _reference(options: argparse.Namespace, console: Console) -> object:
    from bench.reference.reference import compare_coding, compare_training

    checkout = (options.reference, options.reference_python)
    figures = dict(compare_coding(*checkout, options.sizes, options.repetitions))
    case = f"training step, {options.batch_size} crops of {options.patch_size}²"
    figures[case] = compare_training(*checkout, options.batch_size, options.patch_size, options.repetitions)
    console.print(tables.reference_table(figures))
    return figures


def _aot(options: argparse.Namespace, console: Console) -> object:
    from bench.accelerator.aot import coding_costs, open_chips, open_model

    devices = open_chips(options.chips)
    figures = {}
    for model in options.models:
        codec = open_model(model, options.precision)
        figures[model] = {
            tables.size_name((height, width)): {
                name: coding_costs(codec, height, width, chip, device) for name, (chip, device) in devices.items()
            }
            for height, width in options.sizes
        }
        console.print(tables.aot_table(f"{model}, {options.precision}", figures[model]))
    return figures


def _accelerator(options: argparse.Namespace, console: Console) -> object:
    from bench.accelerator.lent import cases_of, measure_all
    from bench.accelerator.planned import read_plan
    from bench.accelerator.time_limit import ended_after

    plans = {preset: read_plan(path) for preset, path in options.plans.items()}
    with ended_after(options.time_limit):
        results = measure_all(
            options.out,
            options.seconds,
            console.print,
            cases=cases_of(options.presets),
            steps=options.steps,
            plans=plans,
        )
    console.print(tables.lent_table(results))
    return results


_PARTS = {
    "codec": _codec,
    "process": _process,
    "memory": _memory,
    "profile": _profile,
    "bulk": _bulk,
    "scale": _scale,
    "seams": _seams,
    "training": _training,
    "lowerings": _lowerings,
    "data": _data,
    "reference": _reference,
    "aot": _aot,
    "accelerator": _accelerator,
}


def main(arguments: list[str] | None = None) -> int:
    """Prints the tables; returns the exit status."""
    options = command.parse(arguments)
    prepare_process()
    console = Console(width=None if sys.stdout.isatty() else 120)
    results: dict[str, object] = {}
    try:
        for part in options.parts:
            results[part] = _PARTS[part](options, console)
        if options.json:
            # Afterwards: it asks JAX for its devices, and described ones have to come before that.
            results = {"machine": describe_machine(), "versions": versions(), **results}
            text = json.dumps(results, indent=2, default=_plain)
            write_atomically(options.json, f"{text}\n".encode())
    except (*EXPECTED, subprocess.SubprocessError) as error:
        print_problem(describe(error))
        return EXIT_BAD_INPUT
    return 0


def _plain(value: object) -> object:
    """What JSON has no form for: dataclasses, and models of the report's own kind."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value.model_dump()  # type: ignore[attr-defined]  # pydantic's


if __name__ == "__main__":
    sys.exit(main())
