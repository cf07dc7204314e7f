"""`python -m bench`: the codec, a training step and the data pipeline on this machine; tables, and JSON with --json.

Nothing else should run meanwhile. Compilation is timed without JAX's cache.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.codec import SIZES, time_codec
from bench.data import crops_per_second
from cca_jax.codec import load_model
from cca_jax.registry import DEFAULT_MODEL

_MIB = 2**20


def bench_codec(options: argparse.Namespace, console: Console) -> Any:
    """Compressing and decompressing."""
    codec = load_model(options.model)
    table = Table("size", "what", "first call", "median", "fastest", "slowest", title=f"model {codec.name}, seconds")
    results = {}
    for height, width in SIZES:
        timings = time_codec(codec, height, width, options.repetitions)
        results[f"{width}x{height}"] = {name: dataclasses.asdict(timing) for name, timing in timings.items()}
        for name, t in timings.items():
            figures = [f"{seconds:.3f}" for seconds in (t.first, t.median, t.low, t.high)]
            table.add_row(f"{width}×{height}", name, *figures)
    console.print(table)
    return {"model": codec.name, "seconds": results}


def bench_training(options: argparse.Namespace, console: Console) -> Any:
    """A step of each preset, on one device and the same batch divided among virtual ones."""
    columns = ("preset", "devices", "trace", "compile", "step", "fastest", "slowest", "crops/s", "MiB a device")
    size = f"{options.batch_size} crops of {options.patch_size}², {options.precision}"
    table = Table(*columns, title=f"training step, {size}, seconds")
    results: dict[str, Any] = {}
    for preset in options.presets.split(","):
        for devices in sorted({1, options.devices}):
            results[f"{preset}, {devices}"] = figures = _training_case(options, preset, devices)
            step, seconds = figures["step"], (figures["trace_seconds"], figures["compile_seconds"])
            cells = [f"{value:.1f}" for value in seconds]
            cells += [f"{step[name]:.3f}" for name in ("median", "low", "high")]
            table.add_row(
                preset, str(figures["devices"]), *cells, f"{figures['crops_per_second']:.2f}",
                f"{figures['memory_bytes'] / _MIB:,.0f}",
            )  # fmt: skip
    console.print(table)
    return results


def _training_case(options: argparse.Namespace, preset: str, devices: int) -> Any:
    """The figures of `bench.training`, in a process of its own."""
    flags = {
        "preset": preset, "batch-size": options.batch_size, "patch-size": options.patch_size,
        "precision": options.precision, "repetitions": options.repetitions,
    }  # fmt: skip
    command = [sys.executable, "-m", "bench.training"]
    command += [part for name, value in flags.items() for part in (f"--{name}", str(value))]
    environment = {**os.environ, "JAX_ENABLE_COMPILATION_CACHE": "false"}
    if devices > 1:
        environment["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ValueError(f"the training step of {preset} could not be timed: see above")
    return json.loads(done.stdout)


def bench_data(options: argparse.Namespace, console: Console) -> Any:
    """The data pipeline by itself."""
    table = Table("workers", "crops/s", title=f"data pipeline, crops of {options.patch_size}², every photo decoded")
    results = {}
    for workers in (0, 2):
        results[str(workers)] = rate = crops_per_second(options.data, options.patch_size, workers, seconds=4.0)
        table.add_row("threads" if workers == 0 else f"{workers} processes", f"{rate:.0f}")
    console.print(table)
    return results


_PARTS = {"codec": bench_codec, "training": bench_training, "data": bench_data}


def main(arguments: list[str] | None = None) -> int:
    """Prints the tables; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(_PARTS)}; default: all")
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME|DIR", help="for codec")
    parser.add_argument("--presets", default=f"{DEFAULT_MODEL},paper", help="for training")
    parser.add_argument("--batch-size", type=int, default=2, help="for training")
    parser.add_argument("--patch-size", type=int, default=128, help="for training and data")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="for training")
    parser.add_argument("--devices", type=int, default=1, help="for training: so many virtual devices, too")
    parser.add_argument("--data", type=Path, metavar="DIR", help="for data: photos; default: a few that are made")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    options = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 120)
    results = {}
    try:
        if unknown := [part for part in options.parts if part not in _PARTS]:
            raise ValueError(f"there is no part {unknown[0]!r}: choose among {', '.join(_PARTS)}")
        for part in options.parts or _PARTS:
            results[part] = _PARTS[part](options, console)
        if options.json:
            options.json.write_text(json.dumps(results, indent=2) + "\n")
    except (ValueError, OSError) as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
