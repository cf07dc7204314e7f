"""The numbers of the boxes that this version knows, and what messages call them."""

from __future__ import annotations

PICTURE = 1
"""Depth of the original's samples, and whether it was grey."""
ALPHA = 2
"""Transparency."""
ICC = 3
"""The original's colour profile."""
EXIF = 4
XMP = 5

CRITICAL = 0x80
"""Added to the number of a box without which the picture would be wrong: who does not know it refuses the file."""

_NAMES = {PICTURE: "picture", ALPHA: "alpha", ICC: "colour profile", EXIF: "Exif", XMP: "XMP"}


def box_name(kind: int) -> str:
    """What messages call a box."""
    name = _NAMES.get(kind)
    return f"box {kind}" if name is None else f"{name} box"


def is_known(kind: int) -> bool:
    """Whether this version knows what is in such a box."""
    return kind in _NAMES
