"""What the command line asks of a codec: the protocol that `cca_jax.Codec` fulfils, and stand-ins in tests."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from cca_jax.codec.pictures.source import Picture, Source
    from cca_jax.codec.tiles.stopwatch import Stopwatch
    from cca_jax.image_io.photo import Photo


@runtime_checkable
class ImageCodec(Protocol):
    """The part of `cca_jax.Codec` that the command line uses."""

    @property
    def name(self) -> str:
        """What people call its model."""

    @property
    def identity(self) -> bytes:
        """By which its files name it."""

    def compress(
        self,
        image: Picture | Source,
        quality: float | None = None,
        *,
        tile: int | None = None,
        effort: int = 0,
        progress: Callable[[int, int], None] | None = None,
        clock: Stopwatch | None = None,
    ) -> bytes:
        """An image as the bytes of a .cca file, in tiles of at most that many pixels a side."""

    def decompress(
        self, data: bytes, slices: int | None = None, *, partial: bool = False, clock: Stopwatch | None = None
    ) -> np.ndarray:
        """The bytes of a .cca file as an image uint8 [H,W,3]."""

    @property
    def batch_size(self) -> int:
        """How many images the device computes at once."""

    def batch_group(self, height: int, width: int, tile: int | None = None, effort: int = 0) -> Hashable | None:
        """What images that can be computed at once have in common."""

    def compress_batch(
        self, images: Sequence[Picture | Source], quality: float | None = None, *, clock: Stopwatch | None = None
    ) -> list[bytes]:
        """As `compress`, for several."""

    def decode(
        self,
        data: bytes,
        slices: int | None = None,
        partial: bool = False,
        depth: int | None = None,
        *,
        clock: Stopwatch | None = None,
    ) -> Photo:
        """The whole picture of a .cca file, with 8 or 16 bits a sample; None is as the original's."""

    def decode_batch(
        self, files: Sequence[bytes], *, depth: int | None = None, clock: Stopwatch | None = None
    ) -> list[Photo]:
        """As `decode`, for several."""

    def with_coder(self, name: str) -> ImageCodec:
        """The same codec, writing with another range coder."""
