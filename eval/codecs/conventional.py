"""What every conventional codec shares: the check of pixels and settings, the clock, and one line where it fails."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from eval.codecs.interface import TOTAL, CodecError, Decoded, Encoded
from eval.results.kinds import Kind

_Result = TypeVar("_Result")


class UnavailableError(RuntimeError):
    """A codec cannot run on this machine; the message is one line: what is missing and how to get it."""


@dataclass(frozen=True)
class ConventionalCodec:
    """A codec made of two functions; an `ImageCodec`.

    Attributes:
        name: as plots show it.
        version: libraries, threads and options: what determines bytes and times besides the pixels.
        all_settings: every setting that makes sense, from low rate to high.
        settings: those of them to measure, about 0.1 to 1.5 bits per pixel on photographs.
        write: pixels uint8 [H, W, 3] and a setting to the whole file.
        read: the file to pixels uint8 [H, W, 3].
        setting_name: what its settings are.
        external: whether it runs as another program.
    """

    name: str
    version: str
    all_settings: tuple[int, ...]
    settings: tuple[int, ...]
    write: Callable[[np.ndarray, int], bytes]
    read: Callable[[bytes], np.ndarray]
    setting_name: str = "quality"
    external: bool = False

    def __post_init__(self) -> None:
        if not set(self.settings) <= set(self.all_settings):
            raise ValueError(f"{self.name}: settings to measure must be among its settings")

    @property
    def kind(self) -> Kind:
        """Not ours."""
        return "conventional"

    def encode(self, pixels: np.ndarray, setting: float) -> Encoded:
        """Encodes uint8 [H, W, 3] at one of `all_settings`; seconds are those of the whole call.

        Raises:
            CodecError: the encoder refused this image.
            ValueError: not such pixels, or no such setting.
        """
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            raise ValueError(f"expected an image uint8 [H,W,3] but got {pixels.dtype} {list(pixels.shape)}")
        if setting not in self.all_settings:
            low, high = min(self.all_settings), max(self.all_settings)
            raise ValueError(f"{self.name}: {self.setting_name} must be a whole number, {low} to {high}, not {setting}")
        data, seconds = self._timed(lambda: self.write(pixels, int(setting)))
        return Encoded(data, {TOTAL: seconds})

    def decode(self, data: bytes) -> Decoded:
        """Decodes what `encode` made; seconds are those of the whole call.

        Raises:
            CodecError: the decoder refused it.
        """
        pixels, seconds = self._timed(lambda: self.read(data))
        return Decoded(pixels, {TOTAL: seconds})

    def _timed(self, work: Callable[[], _Result]) -> tuple[_Result, float]:
        start = time.perf_counter()
        try:
            result = work()
        except (MemoryError, CodecError):
            raise
        except Exception as error:  # each library has its own kinds
            reason = " ".join(str(error).split()) or type(error).__name__
            raise CodecError(f"{self.name}: {reason}") from error
        return result, time.perf_counter() - start


@contextlib.contextmanager
def held(module: ModuleType, name: str, value: Any) -> Iterator[None]:
    """Within the block, the module's option `name` is `value`: for libraries whose decoders take no thread count."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)
