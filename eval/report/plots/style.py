"""How a codec looks in every plot, on the page and on paper: its colour, marker and line.

The colours are told apart with any colour vision (after Okabe and Ito, "Color Universal Design", 2008, darkened where
needed) and have a contrast of at least 3:1 on white and on the page's dark ground. Markers repeat the distinction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from eval.rate_distortion.curves import PublishedCurve
from eval.results.results import Results

_COLORS = (
    "#0077bb",
    "#d55e00",
    "#009e73",
    "#b0609a",
    "#b07d00",
    "#6b7fa8",
    "#a0522d",
    "#1a9aa8",
    "#c44e6c",
    "#7d8a2e",
    "#7a68c4",
    "#808080",
)
_MARKERS = (
    ("circle", "o"),
    ("square", "s"),
    ("diamond", "D"),
    ("triangle-up", "^"),
    ("triangle-down", "v"),
    ("pentagon", "p"),
    ("hexagon", "h"),
    ("cross", "P"),
    ("x", "X"),
    ("star", "*"),
    ("triangle-left", "<"),
)


@dataclass(frozen=True)
class CurveStyle:
    """The look of one codec's curves.

    Attributes:
        color: "#rrggbb".
        symbol: the marker as plotly names it.
        marker: the same as Matplotlib names it.
    """

    color: str
    symbol: str
    marker: str

    def to_dict(self) -> dict[str, str]:
        """The fields by name."""
        return asdict(self)


def curve_styles(results: Results, published: Sequence[PublishedCurve]) -> Mapping[str, CurveStyle]:
    """The look of every codec, ours first, and of every published curve, by name."""
    ours = [codec.name for codec in results.codecs if codec.kind == "ours"]
    return assign_styles(ours, [codec.name for codec in results.codecs] + [curve.name for curve in published])


def assign_styles(first: Sequence[str], others: Iterable[str]) -> dict[str, CurveStyle]:
    """One look for each name, in order.

    Args:
        first: codecs that keep the first colours for themselves, as long as there are enough.
        others: all that is drawn beside them; looks repeat after more than fifty names.
    """
    names = list(dict.fromkeys([*first, *others]))
    reserved = min(len(set(first)), len(_COLORS) // 2)
    shared = len(_COLORS) - reserved
    styles = {}
    for i, name in enumerate(names):
        turn, place = divmod(max(i - reserved, 0), shared)
        at = i if i < reserved else reserved + place
        # A turn later every colour meets another marker.
        styles[name] = CurveStyle(_COLORS[at], *_MARKERS[(at + turn) % len(_MARKERS)])
    return styles
