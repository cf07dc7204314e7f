"""The plot of an experiment: rate–distortion curves, and the differences with their intervals."""

from __future__ import annotations

import io
import statistics
from pathlib import Path
from typing import Any

from cca_jax.image_io.files import write_atomically
from train.compare.intervals import paired_bd_rates
from train.compare.results import Results, RunResult

FILE_NAME = "compare.svg"


def plot(results: Results, folder: Path) -> None:
    """Writes compare.svg into a folder.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("no plot without matplotlib: install the extra [eval]") from error
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    curves, differences = figure.subplots(1, 2)
    for number, name in enumerate(results.variants):
        if runs := results.of(name):
            rates, psnrs = _means(runs)
            curves.plot(rates, psnrs, marker="o", markersize=3, label=name, color=f"C{number}")
    curves.set(xscale="log", xlabel="bits per pixel", ylabel="PSNR, dB", title="means over seeds")
    curves.grid(alpha=0.3)
    curves.legend()
    _draw_differences(differences, results)
    image = io.BytesIO()
    figure.savefig(image, format="svg")
    write_atomically(folder / FILE_NAME, image.getvalue())


def _draw_differences(axes: Any, results: Results) -> None:
    """A point a seed, and beside them the mean with its interval."""
    anchor = results.of(results.variants[0])
    shown: list[str] = []
    for number, name in enumerate(results.variants[1:], 1):
        try:
            found = paired_bd_rates(anchor, results.of(name))
        except ValueError:
            continue
        place = len(shown)
        shown.append(name)
        axes.plot([place - 0.12] * len(found.values), found.values, "o", color=f"C{number}", alpha=0.5)
        axes.errorbar(place + 0.12, found.mean, found.half_width, fmt="s", color=f"C{number}", capsize=4)
    axes.axhline(0, color="gray", linewidth=0.8)
    axes.set(
        xticks=range(len(shown)), xticklabels=shown, xlim=(-0.6, max(len(shown), 1) - 0.4),
        ylabel=f"BD-rate against {results.variants[0]}, %", title="each seed, and the mean with its 95 % interval",
    )  # fmt: skip
    axes.grid(alpha=0.3, axis="y")


def _means(runs: list[RunResult]) -> tuple[list[float], list[float]]:
    columns = ([run.rates for run in runs], [run.psnrs for run in runs])
    rates, psnrs = ([statistics.fmean(values) for values in zip(*rows, strict=True)] for rows in columns)
    return rates, psnrs
