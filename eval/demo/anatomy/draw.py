"""The figures: where the bits go, and the causal order of the slices."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from eval.demo.anatomy.bits import FileParts
from eval.report.plots.theme import INK, LOOK, themed_svg

_HEADER, _HYPER = "#8c959f", "#bf8700"
_SLICES = "viridis"
"""The color map of slices, first to last, and of bits on the picture."""
_NARROW = 0.055
"""A part of a bar that is smaller than this has no number in it."""
_THUMBNAIL = 240
"""Width of the photo, pixels."""


def draw_bits(parts: Sequence[tuple[str, FileParts]]) -> bytes:
    """Bars of what each part of a file takes, as shares, one for each named file; an SVG document."""
    with mpl.rc_context({**LOOK, "axes.grid": False}):
        figure = Figure((7.2, 0.8 + 0.44 * len(parts)))
        axes = figure.add_axes((0.12, 0.14, 0.74, 0.72))
        for row, (_, of_file) in enumerate(parts):
            _bar(axes, row, of_file)
            axes.text(1.015, row, f"{_rate(of_file):.3f} bpp", va="center")
        axes.set(xlim=(0, 1), ylim=(len(parts) - 0.5, -0.5), yticks=range(len(parts)))
        axes.set_yticklabels([name for name, _ in parts])
        axes.xaxis.set_major_formatter("{x:.0%}")
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.tick_params(length=0)
        count = len(parts[0][1].slices)
        handles = [mpl.patches.Patch(color=color) for color in (_HEADER, _HYPER, *_slice_colors(count))]
        names = ["header", "hyper-latent", *(f"slice {k + 1}" for k in range(count))]
        axes.legend(
            handles, names, ncols=len(names), loc="lower center", bbox_to_anchor=(0.47, 1.0), frameon=False,
            fontsize=9, handlelength=0.9, handletextpad=0.4, columnspacing=0.9,
        )  # fmt: skip
        return themed_svg(figure, "What each part of a file takes, as a share of its bits")


def _bar(axes: Axes, row: int, parts: FileParts) -> None:
    left, whole = 0.0, _rate(parts)
    rates = (parts.header, parts.hyper, *parts.slices)
    colors = (_HEADER, _HYPER, *_slice_colors(len(parts.slices)))
    for rate, color in zip(rates, colors, strict=True):
        share = rate / whole
        axes.barh(row, share, 0.72, left, color=color)
        if share > _NARROW:
            axes.text(left + share / 2, row, f"{share:.0%}", ha="center", va="center", color=_readable_on(color))
        left += share


def _rate(parts: FileParts) -> float:
    return parts.header + parts.hyper + sum(parts.slices)


def draw_context(own: Float[np.ndarray, " K"], more: Float[np.ndarray, "K K"]) -> bytes:
    """A table of what each slice takes more where another is hidden from it, in percent; an SVG document.

    The slice just before has a frame: that is the one which the auxiliary model of the CCA term does without.
    """
    count = len(own)
    shares = more / np.maximum(own, 1)[:, None]
    largest = max(float(shares.max()), 1e-9)
    color_map = mpl.colormaps[_SLICES]
    with mpl.rc_context({**LOOK, "axes.grid": False}):
        figure = Figure((6.4, 3.6))
        axes = figure.add_axes((0.16, 0.03, 0.82, 0.8))
        seen = np.tri(count, k=-1, dtype=bool)
        axes.imshow(np.where(seen, shares, np.nan), cmap=_SLICES, vmin=0, vmax=largest, aspect="auto")
        for (i, j), share in np.ndenumerate(shares):
            color = _readable_on(color_map(max(0.0, share) / largest)) if seen[i, j] else INK
            axes.text(j, i, f"{share:+.1%}" if seen[i, j] else "·", ha="center", va="center", color=color)
            if j == i - 1:
                frame = mpl.patches.Rectangle((j - 0.47, i - 0.46), 0.94, 0.92, fill=False, edgecolor=INK, lw=2)
                axes.add_patch(frame)
        names = [f"slice {k + 1}" for k in range(count)]
        axes.set(
            xticks=range(count),
            yticks=range(count),
            xlabel="the slice that is hidden",
            xticklabels=names,
            yticklabels=names,
        )
        axes.set_ylabel("the slice that is coded", labelpad=8)
        axes.xaxis.set_label_position("top")
        axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        axes.spines[:].set_visible(False)
        return themed_svg(figure, "How many more bits a slice takes where another is hidden from it")


def draw_map(photo: UInt8[np.ndarray, "H W 3"], bits: Float[np.ndarray, "K h w"]) -> bytes:
    """The photo, and the bits per pixel of each slice at each position of the latent; an SVG document."""
    height, width = photo.shape[:2]
    small = Image.fromarray(photo).resize((_THUMBNAIL, round(_THUMBNAIL * height / width)), Image.Resampling.LANCZOS)
    rates = bits / 16**2
    columns = 3
    rows = -(-(len(rates) + 1) // columns)
    with mpl.rc_context({**LOOK, "axes.grid": False}):
        cell = 2.4
        figure = Figure((columns * cell, rows * (cell * height / width + 0.3)))
        axes = figure.subplots(rows, columns, squeeze=False).flat
        figure.subplots_adjust(left=0.005, right=0.995, top=0.94, bottom=0.01, wspace=0.03, hspace=0.16)
        for place in axes:
            place.set_axis_off()
        _picture(axes[0], np.asarray(small), "the photo")
        for k, rate in enumerate(rates):
            title = f"slice {k + 1}: {rate.mean():.3f} bpp, at most {rate.max():.2f}"
            scale = mpl.colors.PowerNorm(0.5, 0, rates.max())  # most positions take a small part of the largest
            _picture(axes[k + 1], rate, title, cmap=_SLICES, norm=scale, interpolation="nearest")
        return themed_svg(figure, "The bits of each slice where they are spent")


def _picture(axes: Axes, values: np.ndarray, title: str, **look: object) -> None:
    axes.imshow(values, **look)  # type: ignore[arg-type]
    axes.set_title(title, fontsize=9, pad=4)


def _slice_colors(count: int) -> list[str]:
    return [mpl.colors.to_hex(mpl.colormaps[_SLICES](k / max(1, count - 1))) for k in range(count)]


def _readable_on(color: object) -> str:
    """Ink or paper, whichever contrasts; not the theme's own, which would follow the reader's."""
    red, green, blue = mpl.colors.to_rgb(color)  # type: ignore[arg-type]
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "#fefefe"
