"""Whole processes: `cca-jax compress` and `decompress` of a photo, start to finish, and the memory that they take."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image

from bench.coding.codec import smooth_image
from bench.models import initial_bundle
from bench.process.command import Usage, run_command
from bench.reference.reference import PRESET, shared_weights, worker_command
from bench.timing import Timing, alternate, summarize
from cca_jax.bundles.bundle import save_bundle
from cca_jax.bundles.registry import list_models
from cca_jax.config import PRESETS

COLD, WARM, RESTORE, REFERENCE = "compress, empty cache", "compress", "decompress", "PyTorch compress"
Run = Callable[[], Usage]


@dataclasses.dataclass(frozen=True)
class ProcessFigures:
    """Runs of one command.

    Attributes:
        seconds: start to finish.
        cpu_seconds: of all cores together, median; other programs on the machine change it less.
        peak_bytes: the most memory that any of them held.
    """

    seconds: Timing
    cpu_seconds: float
    peak_bytes: int


def time_processes(
    model: str, size: tuple[int, int], coder: str | None, reference: tuple[Path, str] | None, repetitions: int
) -> dict[str, ProcessFigures]:
    """The commands by name; with the released configuration and its checkout, `REFERENCE` too.

    Args:
        model: an installed model, a folder, or a preset, which is saved with its first weights.
        size: height and width.
        coder: range coder; None leaves the choice to the program.
        reference: the checkout and its interpreter.
        repetitions: of each, in turn, after one that does not count and fills the cache.
    """
    with _commands(model, size, coder) as (folder, compress, decompress):
        warm = cache_environment(folder / "warm")
        runs: dict[str, Run] = {
            COLD: _cold(compress, folder),
            WARM: lambda: run_command(compress, warm),
            RESTORE: lambda: run_command(decompress, warm),
        }
        if reference is None or model != PRESET:
            return _figures(runs, repetitions)
        with shared_weights() as (_, weights):
            theirs = worker_command(*reference, weights)
            theirs += ["--image", str(folder / "photo.png"), "--out", str(folder / "out.bin")]
            runs[REFERENCE] = lambda: run_command(theirs)
            return _figures(runs, repetitions)


def measure_memory(model: str, size: tuple[int, int], coder: str | None) -> dict[str, ProcessFigures]:
    """One run of each command, for sizes that take minutes; each compiles its programs."""
    with _commands(model, size, coder) as (folder, compress, decompress):
        environment = cache_environment(folder / "cache")
        usages = {COLD: run_command(compress, environment), RESTORE: run_command(decompress, environment)}
    return {name: _summary([usage]) for name, usage in usages.items()}


def model_folder(model: str, folder: Path) -> str:
    """What --model takes: a preset that is not installed is saved in the folder, with its first weights."""
    if model not in PRESETS or model in {installed.name for installed in list_models()}:
        return model
    save_bundle(initial_bundle(model), folder / model, "")
    return str(folder / model)


@contextlib.contextmanager
def _commands(model: str, size: tuple[int, int], coder: str | None) -> Iterator[tuple[Path, list[str], list[str]]]:
    """A folder with a photo and a model, where needed, and the two commands for it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        image, file = str(folder / "photo.png"), str(folder / "photo.cca")
        Image.fromarray(smooth_image(*size)).save(image, compress_level=1)
        name = model_folder(model, folder)
        program = [sys.executable, "-m", "cca_jax.cli"]
        choice = [] if coder is None else ["--coder", coder]
        compress = [*program, "compress", image, "-o", file, "--model", name, *choice]
        yield folder, compress, [*program, "decompress", file, "-o", str(folder / "out.png"), "--model", name]


def _figures(runs: Mapping[str, Run], repetitions: int) -> dict[str, ProcessFigures]:
    usages_by_run = alternate(list(runs.values()), repetitions)
    return {name: _summary(usages) for name, usages in zip(runs, usages_by_run, strict=True)}


def _summary(usages: Sequence[Usage]) -> ProcessFigures:
    cpu_seconds = statistics.median(usage.cpu_seconds for usage in usages)
    return ProcessFigures(summarize([u.seconds for u in usages]), cpu_seconds, max(u.peak_bytes for u in usages))


def cache_environment(folder: Path) -> dict[str, str]:
    """The environment of a process that keeps its programs in a folder."""
    kept = {name: value for name, value in os.environ.items() if name != "JAX_ENABLE_COMPILATION_CACHE"}
    return {**kept, "JAX_COMPILATION_CACHE_DIR": str(folder)}


def _cold(command: Sequence[str], folder: Path) -> Run:
    def run() -> Usage:
        with tempfile.TemporaryDirectory(dir=folder) as empty:
            return run_command(command, cache_environment(Path(empty)))

    return run
