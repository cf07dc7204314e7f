"""The README's plot: where our models stand, on one small SVG that follows the reader's light or dark theme.

What was measured is solid, what others published is dashed; each curve has its name beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eval.rate_distortion.curves import PublishedCurve
from eval.report.plots.style import CurveStyle, curve_styles
from eval.report.plots.theme import LOOK, themed_svg
from eval.results.results import Results

SHOWN = {
    "BPG (tensorflow/compression)": "BPG",
    "bmshj2018-hyperprior": "hyperprior, 2018",
    "CCA (paper)": "CCA, as published",
}
"""The published curves of the plot, and what it calls them."""

_SIZE = (7.2, 4.4)
_LABEL_GAP = 0.048
"""Least distance of two names, as a part of the axis."""
_GROUP_GAP = 0.12
"""Curves that end further apart than this part of the axis have names that cannot touch."""


@dataclass(frozen=True)
class _Curve:
    """A curve and its name; `points` are (bits per pixel, dB), by rate."""

    name: str
    points: np.ndarray
    style: CurveStyle
    measured: bool
    ours: bool


def overview_plot(results: Results, published: Sequence[PublishedCurve]) -> bytes:
    """Draws the curves by PSNR, over the rates of our models.

    Args:
        results: what was measured; at least one codec is ours.
        published: curves of the data set, of which those in `SHOWN` are drawn.

    Returns:
        An SVG document.

    Raises:
        ValueError: no codec of ours has two points or more, so there is no curve.
    """
    curves = _gather(results, published)
    ours = [curve for curve in curves if curve.ours]
    if not ours:
        raise ValueError("no model was measured at two rates or more: there is no curve to draw")
    with mpl.rc_context(LOOK):
        figure = Figure(_SIZE)
        axes = figure.add_axes((0.085, 0.125, 0.70, 0.84))
        _draw(axes, curves, ours)
        return themed_svg(figure, _summary(results, curves))


def _gather(results: Results, published: Sequence[PublishedCurve]) -> list[_Curve]:
    styles = curve_styles(results, published)
    curves = []
    for codec in results.codecs:
        points = [(m.bits_per_pixel, m.psnr) for m in results.means if m.codec == codec.name and m.psnr is not None]
        if len(points) > 1:
            ours = codec.kind == "ours"
            curves.append(_Curve(codec.name, np.array(sorted(points)), styles[codec.name], True, ours))
    literature = [curve for curve in published if curve.name in SHOWN and curve.metric == "psnr"]
    curves += [_Curve(SHOWN[c.name], np.array(c.points), styles[c.name], False, False) for c in literature]
    return curves


def _draw(axes: Axes, curves: Sequence[_Curve], ours: Sequence[_Curve]) -> None:
    limit = 1.04 * max(curve.points[-1, 0] for curve in ours)
    low = min(float(curve.points[0, 1]) for curve in ours)
    high = max(float(curve.points[-1, 1]) for curve in ours)
    for curve in curves:
        rates, qualities = curve.points.T
        axes.plot(
            rates,
            qualities,
            color=curve.style.color,
            linestyle="-" if curve.measured else (0, (4, 2.5)),
            linewidth=2.6 if curve.ours else 1.4,
            marker="o" if curve.ours else None,
            markersize=5,
            zorder=4 if curve.ours else 3 if curve.measured else 2.5,
        )
        inside = qualities[rates <= limit]
        if len(inside):
            high = max(high, float(np.interp(limit, rates, qualities)), float(inside.max()))
    axes.set(xlim=(0, limit), ylim=(low - 1, high + 0.6), xlabel="bits per pixel", ylabel="PSNR (dB)")
    _name(axes, curves)


def _name(axes: Axes, curves: Sequence[_Curve]) -> None:
    """Writes each name beside the end of its curve.

    A curve that leaves the plot has its name to the right of it. One that ends within it, away from others, has its
    name above. Several that end side by side have theirs in a column below, to the right, where no curve is.
    """
    limit, (low, high) = axes.get_xlim()[1], axes.get_ylim()
    leaving: dict[int, tuple[float, float]] = {}
    ending: dict[int, tuple[float, float]] = {}
    for i, curve in enumerate(curves):
        rates, qualities = curve.points.T
        if rates[-1] < 0.93 * limit:
            ending[i] = (float(rates[-1]) / limit, (float(qualities[-1]) - low) / (high - low))
        else:
            leaving[i] = (1.0, (float(np.interp(limit, rates, qualities)) - low) / (high - low))
    places = {i: (1.035, y) for i, y in spread_out({i: y for i, (_, y) in leaving.items()}, _LABEL_GAP).items()}
    for group in _side_by_side(ending):
        if len(group) == 1:
            _write_above(axes, curves[group[0]])
            continue
        column = max(ending[i][0] for i in group) + 0.04
        below = spread_out({i: 1.08 - ending[i][1] for i in group}, _LABEL_GAP)
        places |= {i: (column, 1 - y) for i, y in below.items()}
    for i, place in places.items():
        _write_right(axes, curves[i], {**leaving, **ending}[i], place)


def _side_by_side(ends: Mapping[int, tuple[float, float]]) -> list[list[int]]:
    """The curves in groups of those whose ends follow each other closely along the first axis."""
    groups: list[list[int]] = []
    last = -np.inf
    for i in sorted(ends, key=lambda key: ends[key]):
        if ends[i][0] - last > _GROUP_GAP:
            groups.append([])
        groups[-1].append(i)
        last = ends[i][0]
    return groups


def _write_above(axes: Axes, curve: _Curve) -> None:
    end = (float(curve.points[-1, 0]), float(curve.points[-1, 1]))
    axes.annotate(curve.name, end, (-4, 5), textcoords="offset points", ha="right", **_ink_of(curve))


def _write_right(axes: Axes, curve: _Curve, end: tuple[float, float], place: tuple[float, float]) -> None:
    """A name at a place, joined to the end of its curve by a line; both are parts of the axes."""
    axes.annotate(
        curve.name,
        end,
        place,
        xycoords="axes fraction",
        textcoords="axes fraction",
        va="center",
        arrowprops={
            "arrowstyle": "-",
            "color": curve.style.color,
            "linewidth": 0.8,
            "shrinkA": 1,
            "shrinkB": 0,
            "relpos": (0, 0.5),
        },
        **_ink_of(curve),
    )


def _ink_of(curve: _Curve) -> dict[str, Any]:
    return {"color": curve.style.color, "weight": "bold" if curve.ours else "normal"}


def spread_out(wanted: Mapping[int, float], gap: float) -> dict[int, float]:
    """Places as near to those wanted as a least distance allows, in their order, none above 1.

    Args:
        wanted: places from 0 to 1.
        gap: least distance of two places.
    """
    order = sorted(wanted, key=lambda key: wanted[key])
    places: dict[int, float] = {}
    floor = 0.0
    for key in order:
        places[key] = floor = max(wanted[key], floor)
        floor += gap
    ceiling = 1.0
    for key in reversed(order):
        places[key] = ceiling = min(places[key], ceiling)
        ceiling -= gap
    return places


def _summary(results: Results, curves: Sequence[_Curve]) -> str:
    names = ", ".join(curve.name if curve.measured else f"{curve.name} (published)" for curve in curves)
    return f"Rate and distortion on {results.data.name}, {results.data.count} images: {names}"
