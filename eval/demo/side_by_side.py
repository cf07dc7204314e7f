"""A picture of pictures: an original and its reconstructions in a row, and below them the same detail enlarged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_PAPER, _INK, _FAINT, _MARK = "#16181d", "#f2f3f5", "#9aa1ac", "#ffd23f"
_MARGIN, _GAP, _CAPTION = 36, 24, 92
_PANEL = 720
"""Longest side of a panel, pixels."""
_DETAIL = 5
"""The enlarged detail is this fraction of the image a side."""


class Panel(NamedTuple):
    """One column."""

    title: str
    caption: str
    pixels: np.ndarray
    """uint8 [H,W,3]; all columns have one shape."""


def draw(panels: Sequence[Panel]) -> Image.Image:
    """Draws the columns.

    Args:
        panels: the original first, then its reconstructions, all of one size.

    Returns:
        An RGB picture, each column at most 720 pixels wide.
    """
    height, width = panels[0].pixels.shape[:2]
    scale = _PANEL / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    column = max(size[0], 360)
    box = busiest(panels[0].pixels, max(1, height // _DETAIL), max(1, width // _DETAIL))
    sheet = Image.new(
        "RGB",
        (2 * _MARGIN + len(panels) * column + (len(panels) - 1) * _GAP, 2 * _MARGIN + 2 * size[1] + _CAPTION + _GAP),
        _PAPER,
    )
    pen = ImageDraw.Draw(sheet)
    for i, panel in enumerate(panels):
        x = _MARGIN + i * (column + _GAP)
        pen.text((x, _MARGIN - 8), panel.title, _INK, ImageFont.load_default(34))
        pen.text((x, _MARGIN + 38), panel.caption, _FAINT, ImageFont.load_default(24))
        whole = Image.fromarray(panel.pixels)
        top = _MARGIN + _CAPTION
        # Shrinking needs a filter; enlarging must show the pixels that there are.
        sheet.paste(whole.resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST), (x, top))
        left, upper, right, lower = (round(edge * scale) for edge in box)
        pen.rectangle((x + left, top + upper, x + right - 1, top + lower - 1), outline=_MARK, width=2)
        sheet.paste(whole.crop(box).resize(size, Image.Resampling.NEAREST), (x, top + size[1] + _GAP))
    return sheet


def busiest(pixels: np.ndarray, rows: int, columns: int) -> tuple[int, int, int, int]:
    """The window with the strongest edges of the original, so that the choice of the detail does not favour a codec.

    Args:
        pixels: uint8 [H,W,3].
        rows: height of the window, 1 to H.
        columns: its width, 1 to W.

    Returns:
        left, upper, right, lower in pixels.
    """
    gray = pixels.astype(np.float64).mean(axis=2)
    edges = np.abs(np.diff(gray, axis=0, prepend=gray[:1])) + np.abs(np.diff(gray, axis=1, prepend=gray[:, :1]))
    # Sums over every window from a table of sums over corners.
    corner = np.pad(edges.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    sums = corner[rows:, columns:] - corner[:-rows, columns:] - corner[rows:, :-columns] + corner[:-rows, :-columns]
    upper, left = (int(i) for i in np.unravel_index(int(sums.argmax()), sums.shape))
    return left, upper, left + columns, upper + rows
