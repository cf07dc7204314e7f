"""A codec at the size of another file: the comparison that everyone can judge by eye."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from eval.codecs.interface import Encoded, ImageCodec


class SweptCodec(ImageCodec, Protocol):
    """A codec that knows all settings it could be used at, not only those to measure."""

    @property
    def all_settings(self) -> Sequence[float]:
        """From low rate to high."""


def encode_at_most(codec: SweptCodec, pixels: np.ndarray, max_bytes: int) -> tuple[float, Encoded]:
    """The best file of a codec that is not larger than a given size.

    By bisection over all its settings, on the assumption that files grow with them, as quantiser steps shrink. Where
    encoders break it between neighbours, by a few bytes, what is found still fits, but a neighbour might fit too.

    Args:
        codec: what to encode with.
        pixels: uint8 [H, W, 3].
        max_bytes: size of the file to match, bytes.

    Returns:
        The setting and its file. Where even the lowest setting's file is larger, that one: compare its length with
        `max_bytes`.

    Raises:
        CodecError: the codec cannot code this image.
        ValueError: the pixels are no image.
    """
    settings = codec.all_settings
    best = settings[0], codec.encode(pixels, settings[0])
    low, high = 1, len(settings) - 1
    while low <= high:
        middle = (low + high) // 2
        candidate = codec.encode(pixels, settings[middle])
        if len(candidate.data) <= max_bytes:
            best, low = (settings[middle], candidate), middle + 1
        else:
            high = middle - 1
    return best
