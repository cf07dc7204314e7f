"""What a decoder gives: samples as they are in the file, and what the file says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from cca_jax.image_io.color.spaces import ColorStatement

Pixels: TypeAlias = tuple[np.ndarray, str, np.ndarray | None]
"""Samples, their model, and alpha, as the fields of `Raster`."""


@dataclass(frozen=True)
class Metadata:
    """What a file says beside its picture; None where it says nothing."""

    icc: bytes | None = None
    """The colour profile of the file's own samples."""

    exif: bytes | None = None
    """A TIFF structure, without the prefix of JPEG's segment; its orientation is 1, since the pixels are upright."""

    xmp: bytes | None = None
    """An XMP packet, XML in UTF-8."""


@dataclass
class Raster:
    """A decoded picture.

    Attributes:
        samples: uint8 or uint16 over all of the type's range: [H, W] of the model "gray", [H, W, 3] of "rgb", [H, W, 4]
            of "cmyk" (the most is full ink).
        model: what the samples are.
        depth: bits of the file's samples, 8 to 16; fewer count as 8.
        alpha: [H, W] of the same type, or None.
        premultiplied: whether samples were multiplied by alpha.
        statements: what the file says of its colours, in the order of its format's precedence.
        orientation: Exif's number of the turn that is still to be undone.
        metadata: what comes with the picture; its Exif as in the file.
        notes: what a reader of the picture should know.
    """

    samples: np.ndarray
    model: str
    depth: int = 8
    alpha: np.ndarray | None = None
    premultiplied: bool = False
    statements: Sequence[ColorStatement] = ()
    orientation: int = 1
    metadata: Metadata = field(default_factory=Metadata)
    notes: list[str] = field(default_factory=list)


def full_range(samples: np.ndarray, most: int) -> np.ndarray:
    """Samples from 0 to `most` over all of uint16, or of uint8 where `most` is 255 or less; rounded."""
    if most in (255, 65535):
        return samples
    whole = 255 if most < 255 else 65535
    table = ((np.arange(most + 1, dtype=np.uint64) * whole + most // 2) // most).astype(
        np.uint8 if most < 255 else np.uint16
    )
    return table[np.minimum(samples, most)]


def split(samples: np.ndarray) -> Pixels:
    """Gray, gray and alpha, RGB, or RGB and alpha as colours, their model, and alpha.

    Args:
        samples: [H, W] or [H, W, C], C from 1 to 4.
    """
    if samples.ndim == 2:
        return samples, "gray", None
    channels = samples.shape[2]
    if channels <= 2:
        return samples[..., 0], "gray", samples[..., 1] if channels == 2 else None
    return samples[..., :3], "rgb", samples[..., 3] if channels == 4 else None
