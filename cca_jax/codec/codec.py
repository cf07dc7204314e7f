"""`Codec`: photos to `.cca` bytes and back; the only place where the model and the bytes meet.

Where scales come from the context, both directions run the slice recurrence through the same compiled functions, one
for each slice and bucket of image sizes, so that what the encoder predicted is what the decoder predicts, on a CPU of
the same kind with the same versions. Elsewhere the predictions may round differently; the symbol checks of the file
then say so. Where scales are exact, every machine decodes the same symbols.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from cca_jax.bitstream import container
from cca_jax.bitstream.header import EXACT_SHAPES, TILED, VERSION
from cca_jax.bitstream.quality_scale import DEFAULT_QUALITY, MAX_QUALITY, MIN_QUALITY, check_quality
from cca_jax.bundles.bundle import Bundle, load_bundle
from cca_jax.bundles.registry import locate
from cca_jax.codec.encoding import Encoding
from cca_jax.codec.file_checks import read_own
from cca_jax.codec.image_coder import ImageCoder
from cca_jax.codec.latent_coding import Observe, decode_tiles, encode_latent
from cca_jax.codec.stopwatch import Stopwatch
from cca_jax.codec.tile_coder import memory_errors
from cca_jax.compile_cache.cores import usable_cores
from cca_jax.config import LATENT_STRIDE, ModelConfig
from cca_jax.entropy_coding.coders import RangeCoder, default_coder, get_coder
from cca_jax.model.cca import CCAModel
from cca_jax.tiling.geometry import MAX_TILES, UNIT, Grid

_TILES_AT_ONCE = 4  # each takes its memory


def load_model(name_or_path: str | Path) -> Codec:
    """The codec of an installed model by its name, or of a bundle by its folder.

    Raises:
        ValueError: no such model, or it is damaged.
        CoderUnavailableError: no range coder is installed.
    """
    return Codec(load_bundle(locate(name_or_path)), default_coder())


class Codec:
    """A trained model with a range coder.

    Attributes:
        bundle: the model.
        coder: what `compress` writes with; `decompress` uses the coder that the file names.

    The networks compute in `compute_dtype`. Where scales are exact, files are the same to decoders of any type; where
    they come from the context, encoder and decoder need the same one.
    """

    def __init__(self, bundle: Bundle, coder: RangeCoder, compute_dtype: jax.typing.DTypeLike = jnp.float32) -> None:
        self.bundle = bundle
        self.coder = coder
        self._model = CCAModel(bundle.config, compute_dtype)
        # Widened by numpy: JAX would compile a program for each shape.
        self._params = jax.device_put(jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), bundle.params))
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
        return Codec(self.bundle, get_coder(name), self._model.compute_dtype)

    @memory_errors()
    def compress(
        self,
        image: UInt8[np.ndarray, "H W 3"],
        quality: float | None = None,
        *,
        tile: int | None = None,
        clock: Stopwatch | None = None,
    ) -> bytes:
        """The bytes of a `.cca` file.

        Args:
            image: RGB, any size from 1×1.
            quality: from 1 to 100, larger means more bits; None takes 50. Models of a single rate have none.
            tile: the longest side of a tile in pixels, at least 64. Memory grows with the tile, not with the image.
                None cuts what is larger than three megapixels, into tiles of about 900 pixels a side.
            clock: adds up the seconds of the parts; every part is then waited for.

        Raises:
            ValueError: another kind of array, a quality that the model does not offer, or too small a tile.
            MemoryError: the image is too large for the device.
        """
        grid, quality = self._plan(image, quality, tile)
        run = self._encoder(grid, quality, clock)
        streams = [encode_latent(*tile, self.bundle, self.coder)[1] for tile in run.analyze(image)]
        return container.write(self._container(image, grid, quality, streams))

    @memory_errors()
    def encode(
        self,
        image: UInt8[np.ndarray, "H W 3"],
        quality: float | None = None,
        *,
        tile: int | None = None,
        clock: Stopwatch | None = None,
        version: int | None = None,
    ) -> Encoding:
        """As `compress`, with what the coder was given: for evaluation and tests.

        Version 1 of the format, for older readers, is of one tile, computed in the image's own shape: each size
        compiles anew. None lets the tiles decide.
        """
        grid, quality = self._plan(image, quality, tile)
        if version is not None and version < TILED:
            grid = Grid(grid.area, grid.area)
        run = self._encoder(grid, quality, clock, bucketed=version != EXACT_SHAPES)
        tiles, streams = zip(
            *(encode_latent(*tile, self.bundle, self.coder) for tile in run.analyze(image)), strict=True
        )
        return Encoding(self._container(image, grid, quality, streams, version), tiles)

    def _plan(self, image: np.ndarray, quality: float | None, tile: int | None) -> tuple[Grid, float | None]:
        """The tiles to encode an image in and the quality to do it with, which are those that the file will state."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"compress takes a uint8 array [H, W, 3], got {image.dtype} {list(image.shape)}")
        if tile is not None and tile < UNIT:
            raise ValueError(f"a tile has sides of at least {UNIT} pixels, got {tile}")
        grid = Grid.divide(image.shape[0], image.shape[1], tile)
        if grid.count > MAX_TILES:
            raise ValueError(
                f"tiles of {tile} pixels would be {grid.count}, at most {MAX_TILES} can be: use larger ones"
            )
        if self.quality_range is None:
            if quality is not None:
                raise ValueError(f"model {self.name!r} has a single rate: leave the quality out")
            return grid, None
        quality = DEFAULT_QUALITY if quality is None else quality
        check_quality(quality)
        return grid, container.round_quality(quality)

    def _container(
        self,
        image: np.ndarray,
        grid: Grid,
        quality: float | None,
        parts: Sequence[tuple[container.Stream, ...]],
        version: int | None = None,
    ) -> container.Container:
        """The file of each tile's streams."""
        height, width = image.shape[:2]
        streams = tuple(itertools.chain(*zip(*parts, strict=True)))  # z of every tile, y1 of every tile, …
        head = (width, height, self.identity, self.coder.identifier, quality, streams)
        if grid.count == 1:
            return container.Container(*head, VERSION if version is None else version)
        return container.Container(*head, TILED, grid.tile)

    def _encoder(self, grid: Grid, quality: float | None, clock: Stopwatch | None, bucketed: bool = True) -> ImageCoder:
        run = self._execution(grid, quality, clock, bucketed)
        self.coder.prepare()
        run.compile_encoder()
        return run

    def _execution(
        self, grid: Grid, quality: float | None = None, clock: Stopwatch | None = None, bucketed: bool = True
    ) -> ImageCoder:
        return ImageCoder(self._model, self._params, self.bundle.scales, grid, quality, clock, bucketed)

    def reconstruct(self, y_hat: Float[np.ndarray, "1 h w M"]) -> Float[np.ndarray, "1 H W 3"]:
        """The synthesis transform of a decoded latent at once, neither clamped nor rounded; sides in multiples of 4."""
        grid = Grid.whole(LATENT_STRIDE * y_hat.shape[1], LATENT_STRIDE * y_hat.shape[2])
        run = self._execution(grid).coding(*grid.tiles())
        return run.layout.cut(np.asarray(run.synthesize(jnp.asarray(run.layout.fill(np.asarray(y_hat))))))

    @memory_errors()
    def restore(self, encoding: Encoding) -> UInt8[np.ndarray, "H W 3"]:
        """The image that `decompress` makes of an encoding's file, from the latent that the encoder already has."""
        file, latents = encoding.container, ((tile.layout, tile.latent) for tile in encoding.tiles)
        run = self._execution(file.grid, bucketed=file.version > EXACT_SHAPES)
        return run.synthesize(latents, file.height, file.width)

    @memory_errors()
    def decompress(
        self,
        data: bytes,
        slices: int | None = None,
        *,
        clock: Stopwatch | None = None,
        observe: Observe | None = None,
    ) -> UInt8[np.ndarray, "H W 3"]:
        """The image of a `.cca` file.

        Args:
            data: the file; with `slices` it may end after those.
            slices: how many slices to decode, 0 to all; the others take their predicted means. None decodes all.
            clock: adds up the seconds of the parts; every part is then waited for.
            observe: is shown each stream's symbols, for verification; tiles and slices may come in any order.

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
        read = None if slices is None else 1 + count
        file = read_own(data, self.name, self.identity, self.config, read)
        run = self._execution(file.grid, file.quality, clock, bucketed=file.version > EXACT_SHAPES)
        coder = get_coder(file.coder)
        coder.prepare()
        run.compile_decoder()
        # A stopwatch adds up what is done one by one.
        workers = min(file.grid.columns, usable_cores(), _TILES_AT_ONCE) if clock is None else 1
        latents = decode_tiles(run, file, self.bundle, coder, workers, observe)
        return run.synthesize(latents, file.height, file.width)
