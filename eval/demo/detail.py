"""A small picture for a page: the same detail of an original and its reconstructions, pixel for pixel, side by side."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cca_jax.image_io.files import write_atomically
from eval.demo.side_by_side import Panel, busiest

_PAPER, _INK, _FAINT = "#16181d", "#f2f3f5", "#9aa1ac"
_SIDE = 256
"""Side of the detail, pixels: three of them are about as wide as a page's text."""
_GAP, _CAPTION = 8, 46
_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".webp": ("WEBP", {"lossless": True, "method": 6}),
    ".png": ("PNG", {"optimize": True}),
}


def draw_detail(panels: Sequence[Panel], original: np.ndarray | None = None, columns: int = 3) -> Image.Image:
    """Draws the square of the original that has the strongest edges, from every panel, unscaled.

    Args:
        panels: the original first, then its reconstructions, all of one size.
        original: uint8 [H, W, 3], where it is not the first panel.
        columns: how many panels stand side by side.

    Returns:
        An RGB picture, each column at most 256 pixels wide.
    """
    original = panels[0].pixels if original is None else original
    side = min(_SIDE, original.shape[0])
    box = busiest(original, side, min(_SIDE, original.shape[1]))
    across, down, rows = _SIDE + _GAP, side + _CAPTION, -(-len(panels) // columns)
    sheet = Image.new("RGB", (min(columns, len(panels)) * across + _GAP, rows * down + _GAP), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for i, panel in enumerate(panels):
        x, y = _GAP + i % columns * across, i // columns * down
        pen.text((x, y + 5), panel.title, _INK, ImageFont.load_default(16))
        pen.text((x, y + 26), panel.caption, _FAINT, ImageFont.load_default(12))
        sheet.paste(Image.fromarray(panel.pixels).crop(box), (x, y + _CAPTION))
    return sheet


def check_picture(path: Path) -> None:
    """Raises ValueError unless the file's name says one of the formats that keep every pixel."""
    if path.suffix.lower() not in _FORMATS:
        raise ValueError(f"{path}: a picture is written as {' or '.join(_FORMATS)}, which keep every pixel")


def write_picture(path: Path, picture: Image.Image) -> None:
    """Writes a picture without loss, in the format that its name says.

    Raises:
        ValueError: the name says another format.
        OSError: it cannot be written.
    """
    check_picture(path)
    kind, options = _FORMATS[path.suffix.lower()]
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())
