"""The interface of a codec that is measured: ours, JPEG, or an encoder on the PATH."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from eval.results.kinds import Kind

TOTAL = "total"
"""The key that every mapping of seconds has."""


class CodecError(RuntimeError):
    """A codec could not code this one image at this setting; the message is one line. The run goes on with the rest."""


@dataclass(frozen=True)
class Encoded:
    """What became of an image.

    Attributes:
        data: the whole file, every byte that a decoder needs.
        seconds: wall-clock time by part ("transform", "entropy model", "coder", where the codec can tell them apart)
            and always "total". Reading and writing image files is not in it.
        stream_bits: ours: bits of z, then of each slice, without the header; None for others.
    """

    data: bytes
    seconds: Mapping[str, float]
    stream_bits: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Decoded:
    """What came back.

    Attributes:
        pixels: uint8 [H, W, 3].
        seconds: as in `Encoded`.
    """

    pixels: np.ndarray
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Estimate:
    """What the likelihoods say a file takes.

    Attributes:
        stream_bits: bits of z, then of each slice.
        header_bits: length of the header that the file has; a number, not an estimate.
    """

    stream_bits: tuple[float, ...]
    header_bits: int

    @property
    def bits(self) -> float:
        """Bits of the whole file."""
        return self.header_bits + sum(self.stream_bits)


class ImageCodec(Protocol):
    """A codec at several settings. Stateless: the same pixels and setting give the same bytes."""

    @property
    def name(self) -> str:
        """As plots show it: "JPEG", "WebP", "lite"."""

    @property
    def version(self) -> str:
        """What determines its bytes and times besides the pixels: libraries, or the model's identity."""

    @property
    def kind(self) -> Kind:
        """Results of conventional codecs are kept for other reports."""

    @property
    def external(self) -> bool:
        """Whether it runs as another program: its times then hold that program's start."""

    @property
    def setting_name(self) -> str:
        """What its settings are: "quality", "QP"."""

    @property
    def settings(self) -> tuple[float, ...]:
        """The settings to measure, from low rate to high; (0.0,) for a codec of a single rate."""

    def encode(self, pixels: np.ndarray, setting: float) -> Encoded:
        """Encodes uint8 [H, W, 3].

        Raises:
            CodecError: this image cannot be coded so.
        """

    def decode(self, data: bytes) -> Decoded:
        """Decodes what `encode` made.

        Raises:
            CodecError: it cannot be decoded.
        """


class EstimatingCodec(ImageCodec, Protocol):
    """A codec that can also say what its likelihoods promise."""

    def estimate(self, pixels: np.ndarray, setting: float) -> Estimate:
        """The size of the file from the likelihoods without noise, uint8 [H, W, 3]."""
