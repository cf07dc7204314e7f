"""`python -m bench.against_reference CHECKOUT`: a training step of `paper` beside the released PyTorch model's.

Steps alternate, on the same machine with the same number of threads, so that what else runs hits both alike.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench.timing import once
from bench.training import step_inputs
from cca_jax.config import PRESETS
from train.config import TrainConfig
from train.durations import Duration
from train.loop import compile_step
from train.mesh import make_mesh


def main(arguments: list[str] | None = None) -> int:
    """Prints both medians and their ratio; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.against_reference", description=__doc__)
    parser.add_argument("reference", type=Path, metavar="CHECKOUT")
    parser.add_argument("--python", default=sys.executable, help="an interpreter with torch and the checkout's needs")
    parser.add_argument("--batch-size", type=int, default=2)
    parser.add_argument("--patch-size", type=int, default=128)
    parser.add_argument("--repetitions", type=int, default=7)
    options = parser.parse_args(arguments)
    if not (options.reference / "models" / "vae.py").is_file():
        sys.stderr.write(f"bench: {options.reference} is no checkout of the released code: it has no models/vae.py\n")
        return 2
    ours, theirs = _alternate(options)
    for name, seconds in (("cca_jax", ours), ("PyTorch", theirs)):
        told = f"median {statistics.median(seconds):.2f} s, {min(seconds):.2f} to {max(seconds):.2f}"
        sys.stdout.write(f"{name:8} {told}\n")
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    sys.stdout.write(f"ratio    median {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}\n")
    return 0


def _alternate(options: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Seconds of our steps and of theirs, after one of each that does not count."""
    command = [options.python, str(Path(__file__).parent / "reference_step.py"), str(options.reference)]
    command += [str(options.batch_size), str(options.patch_size)]
    ours: list[float] = []
    theirs: list[float] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reference:
        assert reference.stdin is not None
        assert reference.stdout is not None
        if reference.stdout.readline() != "ready\n":
            raise SystemExit("bench: the released code does not run with --python: see above")
        step = _our_step(options)
        for _ in range(1 + options.repetitions):
            reference.stdin.write("step\n")
            reference.stdin.flush()
            theirs.append(float(reference.stdout.readline()))
            ours.append(once(step)[0])
        reference.stdin.close()
    return ours[1:], theirs[1:]


def _our_step(options: argparse.Namespace) -> Callable[[], object]:
    """A call that does one step and keeps the state it leads to."""
    config = TrainConfig(
        PRESETS["paper"], "random", Duration(1000), Duration(800),
        batch_size=options.batch_size, patch_size=options.patch_size,
    )  # fmt: skip
    mesh = make_mesh()
    state, crops = step_inputs(config, mesh)
    program = compile_step(config, 1000, mesh).lower(state, crops).compile()

    def step() -> object:
        nonlocal state
        state, report = program(state, crops)
        return state, report

    return step


if __name__ == "__main__":
    sys.exit(main())
