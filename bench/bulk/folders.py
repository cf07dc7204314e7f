"""Whole commands over a folder of photos: ours, side by side and one after the other, beside other codecs' programs."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.bulk import each
from bench.process.command import Usage, run_command
from bench.process.process import cache_environment
from bench.timing import Timing, alternate, summarize
from cca_jax.image_io.images import find_images, read_image

SIDE_BY_SIDE, IN_TURN, EARLIER, RESTORE = "compress", "compress --workers 0", "compress, before", "decompress"
PROGRAMS: Mapping[str, tuple[str, ...]] = {".avif": ("avifenc",), ".jxl": ("cjxl",)}
"""Other codecs' encoders at their default speeds, by the endings of their files."""


@dataclasses.dataclass(frozen=True)
class FolderFigures:
    """Runs of one command over the folder.

    Attributes:
        seconds: start to finish.
        cpu_seconds: of all cores together, median.
        peak_bytes: the most memory of any of its processes.
        images_per_second: at the median.
        megabytes_per_second: of image files, at the median.
        bits_per_pixel: of what it made; None where it made images.
    """

    seconds: Timing
    cpu_seconds: float
    peak_bytes: int
    images_per_second: float
    megabytes_per_second: float
    bits_per_pixel: float | None


def time_folder(
    photos: Path, model: str, before: Path | None, repetitions: int
) -> tuple[dict[str, FolderFigures], list[str]]:
    """The commands by name, in turn.

    Args:
        photos: the folder.
        model: an installed model or a folder.
        before: a checkout of an earlier version, to be timed too.
        repetitions: of each, after one that does not count and fills the cache of programs.

    Returns:
        Their figures, and the programs that are not installed.
    """
    images = find_images([photos])
    pixels = sum(shape[0] * shape[1] for shape in (read_image(path).pixels.shape for path in images))
    content = sum(path.stat().st_size for path in images)
    with tempfile.TemporaryDirectory() as scratch:
        runs, outs, missing = _runs(photos, model, before, Path(scratch))
        usages = alternate(list(runs.values()), repetitions)
        sizes = {
            name: sum(file.stat().st_size for file in out.glob("*.*") if file.is_file()) for name, out in outs.items()
        }
    figures = {}
    for name, found in zip(runs, usages, strict=True):
        timing = summarize([usage.seconds for usage in found])
        figures[name] = FolderFigures(
            seconds=timing,
            cpu_seconds=sorted(usage.cpu_seconds for usage in found)[len(found) // 2],
            peak_bytes=max(usage.peak_bytes for usage in found),
            images_per_second=len(images) / timing.median,
            megabytes_per_second=content / 1e6 / timing.median,
            bits_per_pixel=None if name == RESTORE else 8 * sizes[name] / pixels,
        )
    return figures, missing


def _runs(
    photos: Path, model: str, before: Path | None, scratch: Path
) -> tuple[dict[str, Callable[[], Usage]], dict[str, Path], list[str]]:
    """What to run, where its outputs go, and what is missing."""
    environment = cache_environment(scratch / "cache")
    program = [sys.executable, "-m", "cca_jax.cli"]
    runs: dict[str, Callable[[], Usage]] = {}
    outs: dict[str, Path] = {}

    def add(name: str, command: list[str], out: Path, variables: Mapping[str, str] = environment) -> None:
        outs[name] = out

        def run() -> Usage:
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            return run_command(command, variables)

        runs[name] = run

    for number, (name, options) in enumerate({SIDE_BY_SIDE: [], IN_TURN: ["--workers", "0"]}.items()):
        out = scratch / f"ours{number}"
        add(name, [*program, "compress", str(photos), "-o", str(out), "--model", model, *options], out)
    if before is not None:
        out = scratch / "before"
        path = os.pathsep.join(filter(None, [str(before.resolve()), environment.get("PYTHONPATH")]))
        command = [*program, "compress", str(photos.resolve()), "-o", str(out), "--model", model]
        variables = {**cache_environment(scratch / "cache-before"), "PYTHONPATH": path}
        add(EARLIER, [sys.executable, "-P", *command[1:]], out, variables)
    files, out = scratch / "ours0", scratch / "restored"
    add(RESTORE, [*program, "decompress", str(files), "-o", str(out), "--model", model], out)
    missing = []
    for ending, words in PROGRAMS.items():
        if shutil.which(words[0]) is None:
            missing.append(words[0])
            continue
        out = scratch / words[0]
        add(words[0], [sys.executable, each.__file__, str(photos), str(out), ending, *words], out)
    return runs, outs, missing
