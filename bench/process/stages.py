"""Where the time of whole `compress` and `decompress` processes goes, with an empty and with a warm cache."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from bench.coding.codec import smooth_image
from bench.process.process import cache_environment, model_folder
from bench.process.stages_worker import FILES, MODEL, PROGRAMS, START
from cca_jax.codec.tiles.stopwatch import CODER, ENTROPY_MODEL, TRANSFORM

END = "end"
STAGES = (START, MODEL, FILES, PROGRAMS, TRANSFORM, ENTROPY_MODEL, CODER, END)
CASES = ("compress, empty cache", "decompress, empty cache", "compress", "decompress")
"""Commands; without more words, with their programs in the cache."""
Stages = dict[str, float]


def profile(model: str, size: tuple[int, int], repetitions: int) -> dict[str, Stages]:
    """Median seconds by stage of each of `CASES`.

    Args:
        model: an installed model, a folder, or a preset with its first weights.
        size: height and width.
        repetitions: of each.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        photo, file = folder / "photo.png", folder / "photo.cca"
        Image.fromarray(smooth_image(*size)).save(photo)
        name = model_folder(model, folder)
        files = {"compress": (photo, file), "decompress": (file, folder / "out.png")}
        runs: dict[str, list[Stages]] = {case: [] for case in CASES}
        for number in range(repetitions):
            for case in CASES:
                direction, _, empty = case.partition(", ")
                cache = folder / (f"{direction}_{number}" if empty else "compress_0")
                if not number and case == "decompress":  # its programs are not yet in that cache
                    _run(direction, name, *files[direction], cache)
                runs[case].append(_run(direction, name, *files[direction], cache))
    return {case: _median(found) for case, found in runs.items()}


def _run(direction: str, model: str, source: Path, target: Path, cache: Path) -> Stages:
    started = time.time()
    command = [
        sys.executable,
        "-m",
        "bench.process.stages_worker",
        direction,
        model,
        str(source),
        str(target),
        str(started),
    ]
    done = subprocess.run(command, env=cache_environment(cache), stdout=subprocess.PIPE, text=True, check=False)
    whole = time.time() - started
    if done.returncode:
        raise ValueError(f"the profile of {direction} with {model} failed: see above")
    stages = json.loads(done.stdout)
    return {**stages, END: whole - sum(stages.values())}


def _median(runs: list[Stages]) -> Stages:
    return {stage: statistics.median(run[stage] for run in runs) for stage in STAGES}


def draw(figures: Mapping[str, Mapping[str, Stages]], title: str, target: Path) -> None:
    """Bars of the stages, one for each model and case, as a PNG file."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    bars = [(f"{model}\n{case}", stages) for model, cases in figures.items() for case, stages in cases.items()]
    chart, axes = pyplot.subplots(figsize=(9.6, 1.2 + 0.52 * len(bars)), dpi=100, layout="constrained")
    left = [0.0] * len(bars)
    for stage, color in zip(STAGES, pyplot.get_cmap("tab10").colors, strict=False):  # type: ignore[attr-defined]
        widths = [stages[stage] for _, stages in bars]
        axes.barh([name for name, _ in bars], widths, left=left, color=color, label=stage, height=0.62)
        left = [begin + width for begin, width in zip(left, widths, strict=True)]
    for row, whole in enumerate(left):
        axes.text(whole, row, f" {whole:.1f} s", va="center", fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.08 * max(left))
    axes.set_xlabel("seconds, process start to end")
    axes.set_title(title, fontsize=10)
    axes.tick_params(axis="y", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    chart.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=len(STAGES))
    chart.savefig(target, format="png")
    pyplot.close(chart)
