"""The plots for papers: rate–distortion curves and bits per slice, as PNG and SVG with outlined fonts."""

from __future__ import annotations

import functools
import io
import itertools
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from eval.rate_distortion.curves import PublishedCurve
from eval.rate_distortion.metrics.registry import METRICS
from eval.report.plots.series import setting_label, slice_rates
from eval.report.plots.style import CurveStyle, curve_styles
from eval.results.results import Results

_LOOK: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e5e8",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "savefig.bbox": "tight",
    "savefig.dpi": 300,
    # The same results give the same bytes.
    "svg.hashsalt": "report",
    # Names of files and codecs are shown as they are, not read as formulas.
    "text.parse_math": False,
}
_QUALITIES = (
    ("rd_psnr", "psnr", "PSNR (dB)"),
    ("rd_ms_ssim", "ms_ssim_db", "MS-SSIM (dB)"),
    *((f"rd_{name.replace('-', '_')}", name, metric.label) for name, metric in METRICS.items()),
)
"""File name, metric as in the records, and label."""
_MOST_BARS = 48
"""More images than these make bars that nobody can tell apart; their mean is drawn instead."""


def rate_distortion_plots(results: Results, published: Sequence[PublishedCurve]) -> dict[str, bytes]:
    """Curves of means by PSNR and by every other measure that there is.

    Args:
        results: what was measured.
        published: drawn dashed.

    Returns:
        Files by name: rd_psnr.png, rd_psnr.svg, and rd_ms_ssim, rd_vmaf and so on likewise.
    """
    styles = curve_styles(results, published)
    ours = {codec.name for codec in results.codecs if codec.kind == "ours"}
    files: dict[str, bytes] = {}
    for name, metric, label in _QUALITIES:
        measured = {codec.name: _points(results, codec.name, metric) for codec in results.codecs}
        literature = {curve.name: list(curve.points) for curve in published if curve.metric == metric}
        if any(measured.values()):
            draw = functools.partial(_curves, label, measured, literature, styles, ours)
            files |= _saved(name, (5.2, 4.0), draw)
    return files


def bits_per_slice_plot(results: Results) -> dict[str, bytes]:
    """Stacked bits per pixel of z and the slices: of every image where there is one model, else means.

    Returns:
        bits_per_slice.png and .svg; nothing where no codec has slices.
    """
    bars = _bars(results)
    if not bars:
        return {}

    def draw(axes: Axes) -> None:
        streams = max(len(bits) for _, bits in bars)
        colors = mpl.colormaps["viridis"]
        bottom = [0.0] * len(bars)
        for stream in range(streams):
            heights = [bits[stream] if stream < len(bits) else 0.0 for _, bits in bars]
            label = f"slice {stream}" if stream else "z"
            color = colors(0.06 + 0.8 * stream / max(streams - 1, 1))
            axes.bar(range(len(bars)), heights, 0.7, bottom, color=color, label=label)
            bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
        turned = len(bars) > 4
        names = [name if len(name) <= 28 else f"{name[:27]}…" for name, _ in bars]
        axes.set_xticks(range(len(bars)), names, rotation=90 if turned else 0, fontsize=7 if turned else 9)
        axes.set_xlim(-0.6, max(len(bars), 3) - 0.4)
        axes.set_ylabel("bits per pixel")
        axes.grid(axis="x", visible=False)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=streams, columnspacing=1.2, handlelength=1)

    return _saved("bits_per_slice", (max(4.6, 0.22 * len(bars)), 3.4), draw)


def _bars(results: Results) -> list[tuple[str, Sequence[float]]]:
    rates = slice_rates(results)
    groups = list(dict.fromkeys((rate.codec, rate.setting) for rate in rates))
    if len(groups) == 1 and len(rates) <= _MOST_BARS:
        return [(rate.image, rate.rates) for rate in rates]
    codecs = {codec.name: codec for codec in results.codecs}
    bars: list[tuple[str, Sequence[float]]] = []
    for codec, setting in groups:
        columns = zip(*(rate.rates for rate in rates if (rate.codec, rate.setting) == (codec, setting)), strict=True)
        name = " ".join(part for part in (codec, setting_label(codecs[codec], setting)) if part)
        bars.append((name, [sum(column) / len(column) for column in columns]))
    return bars


def _points(results: Results, codec: str, metric: str) -> list[tuple[float, float]]:
    means = [mean for mean in results.means if mean.codec == codec]
    points = [
        (mean.bits_per_pixel, mean.metrics.get(metric) if metric in METRICS else getattr(mean, metric))
        for mean in means
    ]
    return [(rate, quality) for rate, quality in points if quality is not None]


def _curves(
    label: str,
    measured: Mapping[str, list[tuple[float, float]]],
    published: Mapping[str, list[tuple[float, float]]],
    styles: Mapping[str, CurveStyle],
    ours: set[str],
    axes: Axes,
) -> None:
    lines, labels = [], []
    drawn = [(name, points, True) for name, points in measured.items()]
    drawn += [(name, points, False) for name, points in published.items()]
    for name, points, here in drawn:
        if not points:
            continue
        style, emphasized = styles[name], here and name in ours
        lines += axes.plot(
            *zip(*sorted(points), strict=True),
            color=style.color,
            marker=style.marker,
            linestyle="-" if here else "--",
            linewidth=2 if emphasized else 1.2 if here else 0.8,
            markersize=7 if emphasized else 3.8 if here else 3,
            markerfacecolor=style.color if here else "white",
            alpha=1 if here else 0.8,
            zorder=2.5 + here + emphasized,
        )
        labels.append(name if here else f"{name}, published")
    axes.set(xlabel="bits per pixel", ylabel=label)
    # Over what was measured: published curves may go far beyond.
    rates, qualities = zip(*itertools.chain(*measured.values()), strict=True)
    margin = max(0.06 * (max(qualities) - min(qualities)), 0.3)
    axes.set(xlim=(0, 1.06 * max(rates)), ylim=(min(qualities) - margin, max(qualities) + margin))
    axes.xaxis.set_major_locator(MaxNLocator(8))
    beside = len(labels) > 8
    place = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.02), "fontsize": 7} if beside else {"loc": "lower right"}
    axes.legend(lines, labels, **place)


def _saved(name: str, size: tuple[float, float], draw: Callable[[Axes], None]) -> dict[str, bytes]:
    """A drawing of `size` inches in both formats."""
    files = {}
    with mpl.rc_context(_LOOK), warnings.catch_warnings():
        # A name in a script that the font lacks is shown as boxes: no reason to trouble the user.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure = Figure(size)
        draw(figure.add_subplot())
        for kind in ("png", "svg"):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else None)
            files[f"{name}.{kind}"] = buffer.getvalue()
    return files
