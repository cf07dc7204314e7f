"""`Codec`: photos to `.cca` bytes and back; the only place where the model and the bytes meet.

Both directions run the slice recurrence through the same compiled functions, one for each slice and image size, so
that what the encoder predicted is what the decoder predicts, on a CPU of the same kind with the same versions.
Elsewhere the predictions may round differently; the symbol checks of the file then say so.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32, UInt8

from cca_jax.bundle import Bundle, load_bundle
from cca_jax.coding import container
from cca_jax.coding.coders import RangeCoder, default_coder, get_coder
from cca_jax.coding.errors import FormatError
from cca_jax.config import HYPER_STRIDE, ModelConfig
from cca_jax.model import steps
from cca_jax.model.cca import CCAModel
from cca_jax.model.slices import SlicePrediction, slice_recurrence
from cca_jax.registry import locate


def load_model(name_or_path: str | Path) -> Codec:
    """The codec of an installed model by its name, or of a bundle by its folder.

    Raises:
        ValueError: no such model, or it is damaged.
        CoderUnavailableError: no range coder is installed.
    """
    return Codec(load_bundle(locate(name_or_path)), default_coder())


@contextlib.contextmanager
def _memory_errors() -> Iterator[None]:
    """Makes the device's out-of-memory error Python's own, which callers know."""
    try:
        yield
    except RuntimeError as error:
        if "RESOURCE_EXHAUSTED" in str(error):
            raise MemoryError(f"not enough device memory for this image: {error}") from error
        raise


class Codec:
    """A trained model with a range coder.

    Attributes:
        bundle: the model.
        coder: what `compress` writes with; `decompress` uses the coder that the file names.
    """

    def __init__(self, bundle: Bundle, coder: RangeCoder) -> None:
        self.bundle = bundle
        self.coder = coder
        self._model = CCAModel(bundle.config)
        self._params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), bundle.params)
        self._identity = bundle.identity

    @property
    def name(self) -> str:
        """The model's name."""
        return self.bundle.name

    @property
    def config(self) -> ModelConfig:
        """The model's sizes."""
        return self.bundle.config

    @property
    def identity(self) -> bytes:
        """The model's identity, 8 bytes, as its files name it."""
        return self._identity

    def with_coder(self, name: str) -> Codec:
        """The same model, writing with the range coder of that name."""
        return Codec(self.bundle, get_coder(name))

    def compress(self, image: UInt8[np.ndarray, "H W 3"], quality: float | None = None) -> bytes:
        """The bytes of a `.cca` file.

        Args:
            image: RGB, any size from 1×1.
            quality: None; the models of this version have a single rate each.

        Raises:
            ValueError: another kind of array, or a quality that the model does not offer.
            MemoryError: the image is too large for the device.
        """
        return container.write(self.encode(image, quality).container)

    @_memory_errors()
    def encode(self, image: UInt8[np.ndarray, "H W 3"], quality: float | None = None) -> Encoding:
        """As `compress`, with what the coder was given: for evaluation and tests."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"compress takes a uint8 array [H, W, 3], got {image.dtype} {list(image.shape)}")
        if quality is not None:
            raise ValueError(f"model {self.name!r} has a single rate: leave the quality out")
        y, z_symbols = steps.analyse(self._model, self._params, pad(image)[None])
        if not np.isfinite(y).all():
            raise ValueError(
                f"model {self.name!r} gives numbers that are not finite on this image: its weights are bad"
            )
        edges = np.cumsum([0, *self.config.slice_sizes])
        streams = [_Coded(np.asarray(z_symbols), self._channel_indexes(z_symbols.shape))]

        def code(index: int, prediction: SlicePrediction) -> Array:
            target = y[..., edges[index] : edges[index + 1]]
            symbols, indexes = steps.to_symbols(target, prediction), steps.indexes(prediction, self.bundle.scales)
            streams.append(_Coded(np.asarray(symbols), np.asarray(indexes)))
            return steps.dequantise(symbols, prediction)

        y_hat = self._run_slices(z_symbols, code)
        tables = [self.bundle.hyper] + [self.bundle.gaussian] * self.config.num_slices
        packed = tuple(
            container.Stream(
                self.coder.encode(coded.symbols.ravel(), coded.indexes.ravel(), table),
                container.symbol_check(coded.symbols.ravel()),
            )
            for coded, table in zip(streams, tables, strict=True)
        )
        height, width = image.shape[:2]
        whole = container.Container(width, height, self.identity, self.coder.identifier, None, packed)
        symbols, indexes = zip(*((coded.symbols, coded.indexes) for coded in streams), strict=True)
        return Encoding(whole, symbols, indexes, y_hat)

    def reconstruct(self, y_hat: Float[Array, "1 h w M"]) -> Float[np.ndarray, "1 H W 3"]:
        """The synthesis transform of a decoded latent, neither clamped nor rounded."""
        return np.asarray(steps.synthesise(self._model, self._params, y_hat))

    @_memory_errors()
    def decompress(self, data: bytes, slices: int | None = None) -> UInt8[np.ndarray, "H W 3"]:
        """The image of a `.cca` file.

        Args:
            data: the file; with `slices` it may end after those.
            slices: how many slices to decode, 0 to all; the others take their predicted means. None decodes all.

        Raises:
            FormatError: not a `.cca` file, or made with another model.
            CorruptError: damaged or cut short.
            MismatchError: intact, but the arithmetic here is not that of the machine that made it.
            CoderUnavailableError: its range coder is not installed.
            ValueError: more slices than the model has.
        """
        count = self.config.num_slices if slices is None else slices
        if not 0 <= count <= self.config.num_slices:
            raise ValueError(f"model {self.name!r} has {self.config.num_slices} slices, {count} cannot be decoded")
        header = container.read_header(data)
        container.read(data, 1)  # verifies the header: a flipped bit is damage, not another model
        if header.model_identity != self.identity:
            raise FormatError(
                f"the file was made with model {header.model_identity.hex()}, this is {self.name!r} "
                f"({self.identity.hex()}): decode it with its own model"
            )
        if len(header.entries) != 1 + self.config.num_slices:
            raise FormatError(
                f"the file has {len(header.entries)} streams, the model writes {1 + self.config.num_slices}"
            )
        file = container.read(data, None if slices is None else 1 + count)
        shape = (1, -(-file.height // HYPER_STRIDE), -(-file.width // HYPER_STRIDE), self.config.hyper_channels)
        coder = get_coder(file.coder)

        def decode(stream: int, indexes: np.ndarray) -> Array:
            tables = self.bundle.gaussian if stream else self.bundle.hyper
            symbols = coder.decode(file.streams[stream].data, indexes.ravel(), tables)
            container.verify_symbols(stream, file.streams[stream].symbol_check, symbols)
            return jnp.asarray(symbols.reshape(indexes.shape))

        def code(index: int, prediction: SlicePrediction) -> Array:
            if index >= count:
                return prediction.mean
            return steps.dequantise(
                decode(1 + index, np.asarray(steps.indexes(prediction, self.bundle.scales))), prediction
            )

        y_hat = self._run_slices(decode(0, self._channel_indexes(shape)), code)
        pixels = np.round(np.clip(self.reconstruct(y_hat)[0, : file.height, : file.width], 0, 1) * 255)
        return pixels.astype(np.uint8)

    def _run_slices(self, z_symbols: Int32[Array, "1 hz wz Z"], code: Any) -> Float[Array, "1 h w M"]:
        hyper_mean, hyper_scale = steps.hyper_synthesise(self._model, self._params, z_symbols)

        def predict(index: int, context: Sequence[Array]) -> SlicePrediction:
            return steps.predict(self._model, index, self._params, hyper_mean, hyper_scale, context)

        def refine(index: int, prediction: SlicePrediction, dequantised: Array) -> Array:
            return steps.refine(self._model, index, self._params, prediction.features, dequantised)

        return jnp.concatenate(slice_recurrence(self.config.num_slices, 0, predict, code, refine), axis=-1)

    @staticmethod
    def _channel_indexes(shape: tuple[int, ...]) -> np.ndarray:
        return np.broadcast_to(np.arange(shape[-1], dtype=np.int32), shape)


@dataclasses.dataclass(frozen=True)
class Encoding:
    """A file and the integers in it.

    Attributes:
        container: the file.
        symbols: int32, per stream (z, then the slices), [1, h, w, channels].
        indexes: int32, of the same shapes: the table of each symbol.
        y_hat: the decoded latent, [1, h, w, M].
    """

    container: container.Container
    symbols: tuple[np.ndarray, ...]
    indexes: tuple[np.ndarray, ...]
    y_hat: Float[Array, "1 h w M"]


@dataclasses.dataclass(frozen=True)
class _Coded:
    symbols: np.ndarray
    indexes: np.ndarray


def pad(image: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Repeats the last row and column until both sides are multiples of 64.

    The reference pads with zeros around the image, to multiples of 128; a black frame costs bits, and no file of the
    reference exists that would have to be matched.
    """
    below, right = (-side % HYPER_STRIDE for side in image.shape[:2])
    return np.pad(image, ((0, below), (0, right), (0, 0)), mode="edge")
