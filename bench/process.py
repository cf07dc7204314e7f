"""Whole processes: `cca-jax compress` of a photo, start to finish, with an empty and with a warm compilation cache."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PIL import Image

from bench.codec import smooth_image
from bench.models import initial_bundle
from bench.reference import PRESET, shared_weights, worker_command
from bench.timing import Timing, alternate, summarise
from cca_jax.bundle import save_bundle
from cca_jax.config import PRESETS
from cca_jax.registry import list_models

COLD, WARM, REFERENCE = "cold", "warm", "PyTorch"


def time_processes(
    model: str, size: tuple[int, int], coder: str | None, reference: tuple[Path, str] | None, repetitions: int
) -> dict[str, Timing]:
    """Seconds by `COLD`, `WARM` and, for the released configuration and given its checkout, `REFERENCE`.

    Args:
        model: an installed model, a folder, or a preset, which is saved with its first weights.
        size: height and width.
        coder: range coder; None leaves the choice to the program.
        reference: the checkout and its interpreter.
        repetitions: of each, in turn, after one that does not count.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        image, target = folder / "photo.png", folder / "out.cca"
        Image.fromarray(smooth_image(*size)).save(image)
        name = model
        if model in PRESETS and model not in {installed.name for installed in list_models()}:
            name = str(folder / model)
            save_bundle(initial_bundle(model), name, "")
        command = [sys.executable, "-m", "cca_jax.cli", "compress", str(image), "-o", str(target), "--model", name]
        command += [] if coder is None else ["--coder", coder]
        runs = {COLD: _cold(command, folder), WARM: _process(command, _cache(folder / "warm"))}
        if reference is None or model != PRESET:
            return _timings(runs, repetitions)
        with shared_weights() as (_, weights):
            theirs = worker_command(*reference, weights)
            theirs += ["--image", str(image), "--out", str(folder / "out.bin")]
            runs[REFERENCE] = _process(theirs, os.environ)
            return _timings(runs, repetitions)


def _timings(runs: Mapping[str, Callable[[], float]], repetitions: int) -> dict[str, Timing]:
    return {
        name: summarise(seconds)
        for name, seconds in zip(runs, alternate(list(runs.values()), repetitions), strict=True)
    }


def _cache(folder: Path) -> dict[str, str]:
    """The environment of a process that keeps its programs in a folder."""
    kept = {name: value for name, value in os.environ.items() if name != "JAX_ENABLE_COMPILATION_CACHE"}
    return {**kept, "JAX_COMPILATION_CACHE_DIR": str(folder)}


def _cold(command: Sequence[str], folder: Path) -> Callable[[], float]:
    def run() -> float:
        with tempfile.TemporaryDirectory(dir=folder) as empty:
            return _process(command, _cache(Path(empty)))()

    return run


def _process(command: Sequence[str], environment: Mapping[str, str]) -> Callable[[], float]:
    def run() -> float:
        started = time.perf_counter()
        done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise ValueError(f"a process failed with status {done.returncode}, see above: {' '.join(command)}")
        return time.perf_counter() - started

    return run
