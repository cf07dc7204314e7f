"""The figures as tables; seconds where a column says nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from bench.accelerator.aot import CodingCost
from bench.bulk.folders import FolderFigures
from bench.bulk.scale import Model, ScaleFigures, bucket_pixels
from bench.coding.codec import CodecFigures
from bench.coding.seams import REACH, SeamFigures
from bench.process.process import ProcessFigures
from bench.reference.reference import Comparison
from bench.timing import Timing
from bench.training.lowerings import LoweringFigures
from bench.training.training import TrainingFigures

_MIB = 2**20
Size = tuple[int, int]


def size_name(size: Size) -> str:
    """Width × height."""
    return f"{size[1]}×{size[0]}"


def spread(timing: Timing) -> list[str]:
    """Median, fastest and slowest."""
    return [f"{seconds:.3f}" for seconds in (timing.median, timing.low, timing.high)]


def codec_table(model: str, figures: Mapping[Size, CodecFigures]) -> Table:
    """Whole calls."""
    columns = ("size", "what", "compile", "median", "fastest", "slowest", "Mpx/s", "MB of file/s", "peak MiB")
    table = Table(*columns, title=f"{model}: coding, seconds")
    for size, times in figures.items():
        calls = (
            ("compress", times.compress, times.compress_memory),
            ("decompress", times.decompress, times.decompress_memory),
        )
        for name, timing, memory in calls:
            rates = [f"{amount / 1e6 / timing.median:.3f}" for amount in (size[0] * size[1], times.bytes)]
            peak = "" if memory is None else f"{memory / _MIB:,.0f}"
            table.add_row(size_name(size), name, f"{timing.compiling or 0:.2f}", *spread(timing), *rates, peak)
    return table


def parts_table(model: str, figures: Mapping[Size, CodecFigures]) -> Table:
    """Where the seconds go."""
    table = Table("size", "what", "part", "median", "fastest", "slowest", "share", title=f"{model}: parts, seconds")
    for size, times in figures.items():
        for name, parts in (("compress", times.compress_parts), ("decompress", times.decompress_parts)):
            whole = sum(timing.median for timing in parts.values())
            for part, timing in parts.items():
                table.add_row(size_name(size), name, part, *spread(timing), f"{100 * timing.median / whole:.1f} %")
        table.add_row(size_name(size), "either", "host copies, within coder", *spread(times.copies), "")
    return table


def process_table(size: Size, figures: Mapping[str, Mapping[str, ProcessFigures]]) -> Table:
    """Whole processes."""
    title = f"processes, {size_name(size)}, start to finish, seconds"
    table = Table("model", "command", "median", "fastest", "slowest", "CPU", "peak MiB", title=title)
    for model, runs in figures.items():
        for name, usage in runs.items():
            cells = (f"{usage.cpu_seconds:.2f}", f"{usage.peak_bytes / _MIB:,.0f}")
            table.add_row(model, name, *spread(usage.seconds), *cells)
    return table


def profile_table(size: Size, figures: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    """Stages of whole processes."""
    stages = list(next(iter(next(iter(figures.values())).values())))
    table = Table("model", "command", *stages, "together", title=f"stages, {size_name(size)}, seconds")
    for model, cases in figures.items():
        for case, seconds in cases.items():
            table.add_row(model, case, *(f"{seconds[s]:.2f}" for s in stages), f"{sum(seconds.values()):.2f}")
    return table


def folders_table(model: str, figures: Mapping[str, FolderFigures]) -> Table:
    """Commands over a folder."""
    columns = ("command", "median", "fastest", "slowest", "CPU", "images/s", "MB/s", "bpp", "peak MiB")
    table = Table(*columns, title=f"{model}: a folder of photos, start to finish, seconds")
    for name, found in figures.items():
        rate = "" if found.bits_per_pixel is None else f"{found.bits_per_pixel:.3f}"
        speeds = (f"{found.cpu_seconds:.2f}", f"{found.images_per_second:.2f}", f"{found.megabytes_per_second:.2f}")
        table.add_row(name, *spread(found.seconds), *speeds, rate, f"{found.peak_bytes / _MIB:,.0f}")
    return table


def scale_table(model: str, figures: Sequence[ScaleFigures], cost: Model | None) -> Table:
    """Runs over crops, what the model of their cost says of each, and what it is."""
    columns = ("images", "side", "seconds", "by the model", "images/s", "peak MiB", "once more", "journal kB")
    said = (
        ""
        if cost is None
        else f"\n{cost.start:.2f} s + {1e3 * cost.image:.2f} ms an image + {1e6 * cost.pixel:.3f} s/Mpx"
    )
    table = Table(*columns, title=f"{model}: cost by images and pixels{said}")
    for f in figures:
        by_model = "" if cost is None else f"{cost.seconds(f.images, f.images * bucket_pixels(f.side)):.2f}"
        cells = [f"{f.images:,}", str(f.side), f"{f.seconds:.2f}", by_model, f"{f.images / f.seconds:.1f}"]
        cells += [f"{f.peak_bytes / _MIB:,.0f}", f"{f.again_seconds:.2f}", f"{f.journal_bytes / 1000:,.0f}"]
        table.add_row(*cells)
    return table


def seams_table(tile: int, figures: Mapping[str, SeamFigures]) -> Table:
    """PSNR beside the seams of tiles and elsewhere, and what cutting changes there."""
    columns = ("model", "photos", "beside seams", "uncut", "change", "elsewhere", "uncut", "change", "bytes")
    table = Table(*columns, title=f"tiles of at most {tile} pixels: PSNR within {REACH} pixels of seams, dB")
    for model, f in figures.items():
        pairs = ((f.beside, f.beside_whole), (f.inside, f.inside_whole))
        cells = [cell for cut, whole in pairs for cell in (f"{cut:.3f}", f"{whole:.3f}", f"{cut - whole:+.3f}")]
        table.add_row(model, str(f.photos), *cells, f"{100 * (f.bytes - 1):+.1f} %")
    return table


def training_table(case: str, figures: Mapping[str, Sequence[TrainingFigures]]) -> Table:
    """Training steps of the same batch over one device and more; the first of a preset is that of one device."""
    columns = ("preset", "devices", "trace", "compile", "step", "fastest", "slowest", "overhead", "crops/s", "MiB each")
    table = Table(*columns, title=f"training step, {case}, seconds")
    for preset, by_devices in figures.items():
        for run in by_devices:
            cells = [f"{seconds:.1f}" for seconds in (run.trace_seconds, run.compile_seconds)]
            cells += [*spread(run.step), f"{run.step.median / by_devices[0].step.median:.2f}×"]
            cells += [f"{run.crops_per_second:.2f}", f"{run.memory_bytes / _MIB:,.0f}"]
            table.add_row(preset, str(run.devices), *cells)
    return table


def lowerings_table(figures: Mapping[str, LoweringFigures]) -> Table:
    """The CPU's lowerings beside the plain definitions."""
    columns = ("lowering", "plain ms", "lowered ms", "ratio", "compile plain s", "compile lowered s")
    table = Table(*columns, title="the CPU's lowerings beside the plain definitions, ratios of pairs of runs")
    for name, comparison in figures.items():
        cells = [f"{1e3 * timing.median:.2f}" for timing in (comparison.plain, comparison.lowered)]
        cells += [f"{x:.2f}" for x in (comparison.ratio, comparison.plain_compile, comparison.lowered_compile)]
        table.add_row(name, *cells)
    return table


def aot_table(title: str, figures: Mapping[str, Mapping[str, Mapping[str, CodingCost]]]) -> Table:
    """What coding takes on accelerators, at best."""
    columns = ("size", "chip", "what", "GFLOP", "main memory MB", "bound ms", "largest step", "ms", "memory MB")
    table = Table(*columns, title=f"{title}: coding on accelerators, the range coder apart")
    for size, chips in figures.items():
        for chip, directions in chips.items():
            for direction, found in directions.items():
                name, seconds = found.largest[0]
                cells = (f"{found.operations / 1e9:.1f}", f"{found.traffic / 1e6:,.0f}", f"{1e3 * found.seconds:.2f}")
                peak = f"{found.peak / 1e6:,.0f}"
                table.add_row(size, chip, direction, *cells, name, f"{1e3 * seconds:.2f}", peak)
    return table


def lent_table(results: Mapping[str, Mapping[str, Any]]) -> Table:
    """What was measured on the accelerator that is there, beside its bound."""
    table = Table("task", "device", "figures", title="on this accelerator")
    for task, values in results.items():
        shown = {name: value for name, value in values.items() if name not in ("device", "versions")}
        figures = ", ".join(f"{n} {v:.4g}" if isinstance(v, float) else f"{n} {v}" for n, v in shown.items())
        table.add_row(task, str(values["device"]), figures)
    return table


def data_table(patch_size: int, rates: Mapping[int, float], cores: int, needed: int | None = None) -> Table:
    """Crops a second by worker processes; and how many cores would read as many as are needed."""
    title = f"data pipeline on {cores} cores, crops of {patch_size}², every photo decoded"
    columns = ("workers", "crops/s", "a core", *([] if needed is None else [f"cores for {needed:,} crops/s"]))
    table = Table(*columns, title=title)
    for workers, rate in rates.items():
        each = rate / (min(workers, cores) if workers else cores)
        extra = [] if needed is None else [f"{math.ceil(needed / each):,}"]
        table.add_row("threads" if workers == 0 else f"{workers} processes", f"{rate:.0f}", f"{each:.0f}", *extra)
    return table


def reference_table(figures: Mapping[str, Comparison]) -> Table:
    """Ours beside the released PyTorch model's."""
    columns = ("what", "cca_jax", "from", "to", "PyTorch", "from", "to", "ratio", "from", "to")
    table = Table(*columns, title="beside the released PyTorch model, seconds and ratios of pairs of runs")
    for name, comparison in figures.items():
        table.add_row(
            name, *spread(comparison.ours), *spread(comparison.theirs), *(f"{ratio:.2f}" for ratio in comparison.ratio)
        )
    return table
