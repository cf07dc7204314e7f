"""`Codec`: photos to `.cca` bytes and back; the only place where the model and the bytes meet.

Where scales come from the context, both directions run the slice recurrence through the same compiled functions, one
for each slice and bucket of image sizes, so that what the encoder predicted is what the decoder predicts, on a CPU of
the same kind with the same versions. Elsewhere the predictions may round differently; the symbol checks of the file
then say so. Where scales are exact, every machine decodes the same symbols.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32, UInt8

from cca_jax.buckets import Frame, pad
from cca_jax.bundle import Bundle, load_bundle
from cca_jax.coding import container
from cca_jax.coding.coders import RangeCoder, default_coder, get_coder
from cca_jax.coding.errors import FormatError
from cca_jax.coding.header import EXACT_SHAPES, VERSION
from cca_jax.config import LATENT_STRIDE, ModelConfig
from cca_jax.encoding import Encoding
from cca_jax.execution import Execution
from cca_jax.model.cca import CCAModel
from cca_jax.quality import DEFAULT_QUALITY, MAX_QUALITY, MIN_QUALITY, check_quality
from cca_jax.registry import locate
from cca_jax.stopwatch import CODER, Stopwatch, timed

_Arrays = tuple[np.ndarray, ...]


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

    @property
    def quality_range(self) -> tuple[float, float] | None:
        """The least and the greatest quality, for about the fewest and the most bits; None with a single rate."""
        return (MIN_QUALITY, MAX_QUALITY) if self.config.rate_weights else None

    def with_coder(self, name: str) -> Codec:
        """The same model, writing with the range coder of that name."""
        return Codec(self.bundle, get_coder(name))

    def compress(
        self, image: UInt8[np.ndarray, "H W 3"], quality: float | None = None, *, clock: Stopwatch | None = None
    ) -> bytes:
        """The bytes of a `.cca` file.

        Args:
            image: RGB, any size from 1×1.
            quality: from 1 to 100, larger means more bits; None takes 50. Models of a single rate have none.
            clock: adds up the seconds of the parts; every part is then waited for.

        Raises:
            ValueError: another kind of array, or a quality that the model does not offer.
            MemoryError: the image is too large for the device.
        """
        return container.write(self.encode(image, quality, clock=clock).container)

    @_memory_errors()
    def encode(
        self,
        image: UInt8[np.ndarray, "H W 3"],
        quality: float | None = None,
        *,
        clock: Stopwatch | None = None,
        version: int = VERSION,
    ) -> Encoding:
        """As `compress`, with what the coder was given: for evaluation and tests.

        Version 1 of the format, for older readers, is computed in the image's own shape: each size compiles anew.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"compress takes a uint8 array [H, W, 3], got {image.dtype} {list(image.shape)}")
        quality = self._stored_quality(quality)
        height, width = image.shape[:2]
        frame = Frame.of(height, width, bucketed=version > EXACT_SHAPES)
        run = Execution(self._model, self._params, self.bundle.scales, frame, clock, quality)
        y = run.analyse(frame.fill(pad(image)[None]))
        z_symbols, finite = run.hyper_analyse(y)
        if not finite:
            raise ValueError(
                f"model {self.name!r} gives numbers that are not finite on this image: its weights are bad"
            )
        coded, told, latent = run.encode_slices(y, z_symbols)
        symbols, indexes = timed(clock, CODER, self._fetch, frame, [z_symbols, *coded], told)
        streams = timed(clock, CODER, self._pack, symbols, indexes)
        whole = container.Container(width, height, self.identity, self.coder.identifier, quality, streams, version)
        return Encoding(whole, symbols, indexes, frame, latent)

    def _stored_quality(self, quality: float | None) -> float | None:
        """The quality that a file will state, which is the one to encode with."""
        if self.quality_range is None:
            if quality is not None:
                raise ValueError(f"model {self.name!r} has a single rate: leave the quality out")
            return None
        quality = DEFAULT_QUALITY if quality is None else quality
        check_quality(quality)
        return container.round_quality(quality)

    @staticmethod
    def _fetch(frame: Frame, coded: Sequence[Array], told: Sequence[Array]) -> tuple[_Arrays, _Arrays]:
        """Symbols and indexes on the host, those of the image alone."""
        symbols, indexes = (tuple(map(frame.cut, arrays)) for arrays in jax.device_get((coded, told)))
        return symbols, (_channel_indexes(symbols[0].shape), *indexes)

    def _pack(self, symbols: Sequence[np.ndarray], indexes: Sequence[np.ndarray]) -> tuple[container.Stream, ...]:
        tables = [self.bundle.hyper] + [self.bundle.gaussian] * self.config.num_slices
        return tuple(
            container.Stream(self.coder.encode(s.ravel(), i.ravel(), table), container.symbol_check(s.ravel()))
            for s, i, table in zip(symbols, indexes, tables, strict=True)
        )

    def reconstruct(self, y_hat: Float[np.ndarray, "1 h w M"]) -> Float[np.ndarray, "1 H W 3"]:
        """The synthesis transform of a decoded latent, neither clamped nor rounded; sides in multiples of 4."""
        frame = Frame.of(LATENT_STRIDE * y_hat.shape[1], LATENT_STRIDE * y_hat.shape[2])
        run = Execution(self._model, self._params, self.bundle.scales, frame)
        return frame.cut(np.asarray(run.synthesise(jnp.asarray(frame.fill(np.asarray(y_hat))))))

    @_memory_errors()
    def decompress(
        self, data: bytes, slices: int | None = None, *, clock: Stopwatch | None = None
    ) -> UInt8[np.ndarray, "H W 3"]:
        """The image of a `.cca` file.

        Args:
            data: the file; with `slices` it may end after those.
            slices: how many slices to decode, 0 to all; the others take their predicted means. None decodes all.
            clock: adds up the seconds of the parts; every part is then waited for.

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
        file = self._read(data, None if slices is None else 1 + count)
        frame = Frame.of(file.height, file.width, bucketed=file.version > EXACT_SHAPES)
        run = Execution(self._model, self._params, self.bundle.scales, frame, clock, file.quality)
        coder = get_coder(file.coder)

        def decode(stream: int, indexes: np.ndarray) -> np.ndarray:
            tables = self.bundle.gaussian if stream else self.bundle.hyper
            symbols = coder.decode(file.streams[stream].data, indexes.ravel(), tables)
            expected = file.streams[stream].symbol_check
            container.verify_symbols(stream, expected, symbols, portable=self.config.exact_scales)
            return frame.fill(symbols.reshape(indexes.shape))

        def decode_slice(index: int, indexes: np.ndarray) -> np.ndarray:
            return timed(clock, CODER, lambda: decode(1 + index, frame.cut(indexes)))

        z_indexes = _channel_indexes((1, *frame.area, self.config.hyper_channels))
        z_symbols = jnp.asarray(timed(clock, CODER, decode, 0, z_indexes))
        pixels = run.pixels(run.decode_slices(z_symbols, decode_slice, count))
        return np.asarray(pixels)[0, : file.height, : file.width].copy()

    def _read(self, data: bytes, num_streams: int | None) -> container.Container:
        """The file, once it is known to be this model's."""
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
        if (header.quality is None) == bool(self.config.rate_weights):
            raise FormatError(f"the file states {'no' if header.quality is None else 'a'} quality: not of this model")
        if header.quality is not None and not MIN_QUALITY <= header.quality <= MAX_QUALITY:
            raise FormatError(f"the file states quality {header.quality:g}, which no model has")
        return container.read(data, num_streams)


def _channel_indexes(shape: tuple[int, ...]) -> Int32[np.ndarray, "1 hz wz Z"]:
    return np.broadcast_to(np.arange(shape[-1], dtype=np.int32), shape)
