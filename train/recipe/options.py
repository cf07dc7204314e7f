"""The command line of `python -m train`, and the configuration it asks for."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from cca_jax.cli.parser import OneLineParser, whole_number
from cca_jax.config import PRESETS
from train.recipe.config import CHOICES, DURATIONS, TrainConfig
from train.recipe.durations import Duration
from train.recipe.presets import finishing, recipe
from train.recipe.trace_window import TraceWindow

_HELP = {
    "drop_at": "when λ takes its value, and the learning rate drops (decay drop)",
    "batch_size": "crops of a step, over all devices",
    "patch_size": "side of a crop, pixels",
    "rate_weight": "λ: larger means fewer bits",
    "first_rate_weight": "λ before --drop-at",
    "first_parameters": "of a fresh model: drawn, or a plain transform codec",
    "hyper_warmup": "the hyper-latent's rate counts ever more over this length",
    "rate_proxy": "what rates are computed of: the latent with noise, or rounded",
    "cca_weight": "α",
    "finish": "train the synthesis alone, on latents as files have them; files stay the same",
    "cca_warmup": "α rises from 0 over this length",
    "optimizer": "adam as released, or one of optax: adamw, lion, lamb, … (a wrong name lists all)",
    "optimizer_options": "of the optimizer: weight_decay=0.01,b2=0.95",
    "shard_state": "parameters, optimizer states and average divided among the devices",
    "kernel_memory": "MiB of on-chip memory for a TPU's kernel (as suits the chip); 0: the compiler's choice",
    "accumulate": "parts a batch is worked off in",
    "ema_decay": "of the averaged weights; 0 for none",
    "learning_rate_decay": "its course; fall: constant, then a cosine over the last --fall",
    "fall": "length of the learning rate's fall at the end",
    "photos_on_device": "all photos decoded in the device's memory, which cuts the crops",
    "photo_memory": "MiB of each device that they may take",
    "crop_weight": "crops of a photo there: of all equally many, or by area",
    "steps_per_call": "steps in one call of the device, with --photos-on-device",
    "validation_photos": "held out where the data has no such split",
    "nonfinite_limit": "bad steps in a row that end the run",
    "keep": "checkpoints kept, beside the best",
}

_METAVARS = {"optimizer": "NAME", "optimizer_options": "NAME=VALUE,…"}

_PLACES = ("drop_at", "fall", "warmup", "hyper_warmup", "cca_warmup")
"""The durations that say where in a run something happens."""


def parser() -> argparse.ArgumentParser:
    """The options. Those that are left out take the preset's recipe (`train.recipe.presets`)."""
    options = OneLineParser(
        prog="python -m train",
        description="Trains a CCA model. Durations are steps (1000) or epochs (56ep); defaults come with the preset.",
    )
    add_run(options)
    options.add_argument("--out", type=Path, metavar="RUN", help="folder of the run")
    options.add_argument("--resume", action="store_true", help="continue the run in RUN where there is one")
    options.add_argument(
        "--profile", type=_window, metavar="[SKIP:]COUNT", help="trace COUNT steps after the first SKIP (10) for XProf"
    )
    options.add_argument("--dry-run", action="store_true", help="say what would run, and stop")
    add_recipe(options)
    processes = options.add_argument_group("several processes")
    processes.add_argument("--distributed", action="store_true", help="join the processes the cluster manager started")
    processes.add_argument("--coordinator", metavar="HOST:PORT", help="where process 0 listens")
    processes.add_argument("--num-processes", type=int, metavar="N")
    processes.add_argument("--process-id", type=int, metavar="I")
    described = options.add_argument_group("compiling for other devices")
    described.add_argument(
        "--compile-for",
        metavar="TOPOLOGY",
        help="say what this run's step would take on these devices (v5e:4x4, v5p:2x2x4, v6e:4x4, h100:8, h200:8), and "
        "stop; needs neither photos nor the devices",
    )
    described.add_argument("--num-slices", type=whole_number(1), default=1, metavar="N", help="TPU slices of that size")
    described.add_argument(
        "--top", type=whole_number(0), default=0, metavar="N", help="name the N kernels that move most"
    )
    described.add_argument(
        "--schedules", action="store_true", help="on TPUs: count the cycles of the kernels' schedules, too"
    )
    described.add_argument("--json", action="store_true", help="say it as JSON")
    described.add_argument("--keep-program", type=Path, metavar="FILE", help="write the optimized program here")
    return options


def add_run(options: argparse.ArgumentParser) -> None:
    """Adds what a run reads, where it begins and how long it is."""
    options.add_argument("--data", metavar="DIR|tfds:NAME", help="photos")
    options.add_argument(
        "--preset",
        default="paper",
        metavar="NAME|FILE",
        help=f"{', '.join(PRESETS)}, or a .json of sizes",
    )
    length = options.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, metavar="N", help="length of the run")
    length.add_argument("--epochs", type=float, metavar="N", help="length of the run")
    options.add_argument("--init-from", metavar="RUN|NAME|DIR|FILE", help="first weights: a run, a model, a .pth.tar")
    options.add_argument("--workers", type=int, default=0, metavar="N", help="processes that read photos; 0: threads")
    options.add_argument("--data-dir", type=Path, metavar="DIR", help="where TensorFlow Datasets keeps its data")
    options.add_argument(
        "--time-limit", type=float, metavar="SECONDS", help="save and end after so long, with status 124"
    )


def add_recipe(options: argparse.ArgumentParser) -> None:
    """Adds an option for each field of `TrainConfig`; those that are left out take the preset's recipe."""
    recipe_options = options.add_argument_group("recipe")
    for field in dataclasses.fields(TrainConfig):
        if field.name not in ("model", "data", "duration"):
            _add_field(recipe_options, field)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options, checked where one needs another; leaves with one line and status 2 where they are no use."""
    known = parser()
    options = known.parse_args(arguments)
    if options.compile_for is None:
        if missing := [flag for flag, value in (("--data", options.data), ("--out", options.out)) if value is None]:
            known.error(f"the following arguments are required: {', '.join(missing)}")
        for flag, given in (
            ("--num-slices", options.num_slices > 1),
            ("--top", options.top > 0),
            ("--schedules", options.schedules),
            ("--json", options.json),
            ("--keep-program", options.keep_program is not None),
        ):
            if given:
                known.error(f"{flag} needs --compile-for")
    elif options.data is None:
        options.data = "none"  # photos decide nothing of a program
    return options


def _add_field(group: Any, field: dataclasses.Field) -> None:
    flag = "--" + field.name.replace("_", "-")
    shared = {"help": _HELP.get(field.name), "default": None, "dest": field.name}
    if field.name in CHOICES:
        group.add_argument(flag, choices=CHOICES[field.name], **shared)
    elif field.name in DURATIONS:
        group.add_argument(flag, type=_duration, metavar="STEPS|EPOCHSep", **shared)
    elif isinstance(field.default, bool):
        group.add_argument(flag, action=argparse.BooleanOptionalAction, **shared)
    else:
        kind = int if field.default is None else type(field.default)
        group.add_argument(flag, type=kind, metavar=_METAVARS.get(field.name, "N"), **shared)


def _duration(text: str) -> Duration:
    try:
        return Duration.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _window(text: str) -> TraceWindow:
    try:
        return TraceWindow.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def config_of(options: argparse.Namespace, resumed: TrainConfig | None = None) -> TrainConfig:
    """The configuration that parsed options ask for.

    Args:
        options: as `parser` gives them.
        resumed: that of the run to be continued; its schedule keeps its place when only the length changes.

    Raises:
        ValueError: options that cannot be.
    """
    if options.workers < 0:
        raise ValueError(f"--workers must be at least 0, got {options.workers}")
    if options.time_limit is not None and not options.time_limit > 0:
        raise ValueError(f"--time-limit must be above 0, got {options.time_limit:g}")
    stated = {field.name: getattr(options, field.name, None) for field in dataclasses.fields(TrainConfig)}
    values = {name: value for name, value in stated.items() if value is not None}
    if options.steps is not None:
        values["duration"] = Duration(options.steps)
    elif options.epochs is not None:
        values["duration"] = Duration(options.epochs, "epochs")
    defaults = recipe(options.preset, values.get("rate_weight", TrainConfig.rate_weight))
    if defaults["model"].rate_weights and {"rate_weight", "first_rate_weight"} & set(values):
        raise ValueError("--rate-weight: the model has rate weights of its own, in its configuration: leave it out")
    if values.get("finish"):
        defaults = finishing(defaults)
    if resumed is not None:
        values = {**{name: getattr(resumed, name) for name in _PLACES}, **values}
    elif "duration" in values:
        values = {**_shortened(defaults, values["duration"]), **values}
    return TrainConfig(**{**defaults, **values})


def _shortened(defaults: dict[str, Any], duration: Duration) -> dict[str, Duration]:
    """The recipe's other durations in a run of another length: each at its share of the run, no warmup longer."""
    durations: dict[str, Duration] = {}
    for name in _PLACES:
        if name in defaults:
            amount = duration.amount * defaults[name].amount / defaults["duration"].amount
            if name != "drop_at" and defaults[name].unit == duration.unit:
                amount = min(amount, defaults[name].amount)
            durations[name] = Duration(round(amount, 0 if duration.unit == "steps" else 3), duration.unit)
    return durations
