"""Small SVG plots for pages, which follow the reader's light or dark theme."""

from __future__ import annotations

import html
import io
from typing import Any

from matplotlib.figure import Figure

INK, PAPER, GRID = "#24292f", "#ffffff", "#e3e5e8"
"""Text and axes, what lies behind, and lines of a grid, in the light theme."""
_DARK = {INK: "#e6edf3", PAPER: "#0d1117", GRID: "#30363d"}
LOOK: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.facecolor": PAPER,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    # The same results give the same bytes.
    "svg.hashsalt": "overview",
    # Names of models are shown as they are, not read as formulas.
    "text.parse_math": False,
}
"""Matplotlib's settings, for `rc_context`."""


def themed_svg(figure: Figure, title: str) -> bytes:
    """The figure, drawn with `LOOK`, as an SVG document with a title, and other colours in a dark scheme."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue().decode()
    rules = "".join(
        f'[style*="{kind}: {light}"] {{{kind}: {dark} !important}}'
        for light, dark in _DARK.items()
        for kind in ("fill", "stroke")
    )
    style = f"<style>@media (prefers-color-scheme: dark) {{{rules}}}</style>"
    start = svg.index(">", svg.index("<svg")) + 1
    return f"{svg[:start]}\n <title>{html.escape(title)}</title>\n {style}{svg[start:]}".encode()
