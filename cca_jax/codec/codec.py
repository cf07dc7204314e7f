"""`Codec`: photos to `.cca` bytes and back; the only place where the model and the bytes meet.

Where scales come from the context, both directions run the same compiled functions, one for each slice and bucket of
sizes: a CPU of the same kind with the same versions predicts what the encoder predicted. Elsewhere the file's symbol
checks say so. Where scales are exact, every machine decodes the same symbols.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from cca_jax.bitstream import container
from cca_jax.bitstream.header import EXACT_SHAPES, TILED
from cca_jax.bundles.bundle import Bundle, load_bundle
from cca_jax.bundles.registry import locate
from cca_jax.codec.batches import Batches
from cca_jax.codec.effort.choice import best_file
from cca_jax.codec.effort.levels import LEVELS
from cca_jax.codec.effort.search import Effort, Progress, search_tiles
from cca_jax.codec.encoding import Encoding, file_of_tiles
from cca_jax.codec.encoding_plan import plan_encoding
from cca_jax.codec.file_checks import read_own
from cca_jax.codec.image_coder import ImageCoder
from cca_jax.codec.latent_coding import Coded, Observe, decode_tiles, encode_latent
from cca_jax.codec.limits import DEFAULT_MAX_PIXELS, TILES_AT_ONCE
from cca_jax.codec.stopwatch import Stopwatch
from cca_jax.codec.tile_coder import memory_errors
from cca_jax.compile_cache.cores import usable_cores
from cca_jax.config import LATENT_STRIDE, ModelConfig
from cca_jax.config.quality_scale import MAX_QUALITY, MIN_QUALITY
from cca_jax.entropy_coding.coders import RangeCoder, default_coder, get_coder
from cca_jax.model.cca import CCAModel
from cca_jax.model.rates import RatePoint
from cca_jax.tiling.geometry import Grid


def load_model(name_or_path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Codec:
    """The codec of an installed model by its name, or of a bundle by its folder; see `Codec`.

    Raises:
        ValueError: no such model, or it is damaged; a CoderUnavailableError where no range coder is installed.
    """
    return Codec(load_bundle(locate(name_or_path)), default_coder(), max_pixels=max_pixels)


class Codec(Batches):
    """A trained model with a range coder.

    Attributes:
        bundle: the model.
        coder: what `compress` writes with; `decompress` uses the coder that the file names.
        model: its networks.
        params: their parameters, float32, on the device.
        max_pixels: of an image that is coded or decoded; a larger one is a TooLargeError.

    One codec serves many threads, and gives each what it would give it alone. The networks compute in `compute_dtype`.
    Where scales are exact, files are the same to decoders of any type; else encoder and decoder need the same one.
    """

    def __init__(
        self,
        bundle: Bundle,
        coder: RangeCoder,
        compute_dtype: jax.typing.DTypeLike = jnp.float32,
        max_pixels: int = DEFAULT_MAX_PIXELS,
    ) -> None:
        self.bundle, self.coder, self._identity, self.max_pixels = bundle, coder, bundle.identity, max_pixels
        self.model = CCAModel(bundle.config, compute_dtype)
        # Widened by numpy: JAX would compile a program for each shape.
        self.params = jax.device_put(jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), bundle.params))

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
        return Codec(self.bundle, get_coder(name), self.model.compute_dtype, self.max_pixels)

    @memory_errors()
    def compress(
        self,
        image: UInt8[np.ndarray, "H W 3"],
        quality: float | None = None,
        *,
        tile: int | None = None,
        effort: int = 0,
        clock: Stopwatch | None = None,
        progress: Progress | None = None,
    ) -> bytes:
        """The bytes of a `.cca` file.

        Args:
            image: RGB, any size from 1×1.
            quality: from 1 to 100, larger means more bits; None takes 50. Models of a single rate have none.
            tile: the longest side of a tile in pixels, at least 64. Memory grows with the tile, not with the image.
                None cuts what is larger than three megapixels, into tiles of about 900 pixels a side.
            effort: 0 to 9: from 1 on, what is coded is searched for, longer and longer (`effort.levels`). The file is
                never worse, in 0.05 · 255² · MSE + λ · bits per pixel at the quality's λ, than without.
            clock: adds up the seconds of the parts; every part is then waited for.
            progress: is told how many of a search's iterations are done, and how many there are.

        Raises:
            ValueError: another kind of array, quality or effort than the model takes, or too small a tile.
            TooLargeError, MemoryError: the image is too large, for what is accepted or for the device.
        """
        grid, quality = plan_encoding(self.name, self.config, image, quality, tile, effort, self.max_pixels)
        run = self._encoder(grid, quality, clock)
        ways = self._code(run, image, quality, effort, progress)
        files = [
            container.write(self._container(image, grid, quality, streams))
            for streams in zip(*([streams for _, streams in tile] for tile in ways), strict=True)
        ]
        return self._best(files, image, grid, quality, self.decompress, len)

    @memory_errors()
    def encode(
        self,
        image: UInt8[np.ndarray, "H W 3"],
        quality: float | None = None,
        *,
        tile: int | None = None,
        effort: int = 0,
        clock: Stopwatch | None = None,
        progress: Progress | None = None,
        version: int | None = None,
    ) -> Encoding:
        """As `compress`, with what the coder was given: for evaluation and tests.

        Version 1 of the format, for older readers, is of one tile, computed in the image's own shape: each size
        compiles anew. None lets the tiles decide.
        """
        grid, quality = plan_encoding(self.name, self.config, image, quality, tile, effort, self.max_pixels)
        if version is not None and version < TILED:
            grid = Grid(grid.area, grid.area)
        run = self._encoder(grid, quality, clock, bucketed=version != EXACT_SHAPES)
        encodings = []
        for way in zip(*self._code(run, image, quality, effort, progress), strict=True):
            tiles, streams = zip(*way, strict=True)
            encodings.append(Encoding(self._container(image, grid, quality, streams, version), tiles))
        return self._best(
            encodings, image, grid, quality, self.restore, lambda made: len(container.write(made.container))
        )

    def _code(
        self, run: ImageCoder, image: np.ndarray, quality: float | None, effort: int, progress: Progress | None
    ) -> Iterator[tuple[Coded, ...]]:
        """Each tile coded, and with effort what the search found beside it."""
        if not effort:
            return ((encode_latent(*tile, self.bundle, self.coder),) for tile in run.analyze(image))
        return search_tiles(run, image, Effort(LEVELS[effort], self.bundle, self.coder), progress)

    def _best(self, files: Sequence[Any], image: np.ndarray, grid: Grid, quality: float | None, *means: Any) -> Any:
        """Of what was made without and with effort; a single tile's own choice is the file's."""
        if len(files) == 1 or grid.count == 1:
            return files[-1]
        return best_file(files, image, RatePoint.of_quality(self.config, cast(float, quality)), *means)

    def _container(
        self,
        image: np.ndarray,
        grid: Grid,
        quality: float | None,
        parts: Sequence[Sequence[container.Stream]],
        version: int | None = None,
    ) -> container.Container:
        head = (image.shape[1], image.shape[0], self.identity, self.coder.identifier, quality)
        return file_of_tiles(head, grid, parts, version)

    def _encoder(self, grid: Grid, quality: float | None, clock: Stopwatch | None, bucketed: bool = True) -> ImageCoder:
        self.coder.prepare()
        (run := self._execution(grid, quality, clock, bucketed)).compile_encoder()
        return run

    def _execution(self, grid: Grid, *options: Any, **named: Any) -> ImageCoder:
        return ImageCoder(self.model, self.params, self.bundle.scales, grid, *options, **named)

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
        partial: bool = False,
        clock: Stopwatch | None = None,
        observe: Observe | None = None,
    ) -> UInt8[np.ndarray, "H W 3"]:
        """The image of a `.cca` file.

        Args:
            data: the file; with `slices` it may end after those.
            slices: how many slices to decode, 0 to all; the others take their predicted means. None decodes all.
            partial: decodes what is whole of a file that was cut short or damaged; else such a file is refused.
            clock: adds up the seconds of the parts; every part is then waited for.
            observe: is shown each stream's symbols, for verification; tiles and slices may come in any order.

        Raises:
            FormatError: not a `.cca` file, or made with another model.
            CorruptError: damaged or cut short; with `partial`, nothing of it is whole.
            MismatchError: intact, but the arithmetic here is not that of the machine that made it.
            CoderUnavailableError: its range coder is not installed.
            TooLargeError: more pixels, or larger tiles, than are accepted; nothing was compiled or allocated for them.
            ValueError: more slices than the model has.
        """
        file = read_own(data, self.name, self.identity, self.config, slices, self.max_pixels, partial)
        run = self._execution(file.grid, file.quality, clock, bucketed=file.version > EXACT_SHAPES)
        coder = get_coder(file.coder)
        coder.prepare()
        run.compile_decoder()
        # A stopwatch adds up what is done one by one.
        workers = min(file.grid.columns, usable_cores(), TILES_AT_ONCE) if clock is None else 1
        latents = decode_tiles(run, file, self.bundle, coder, workers, observe)
        return run.synthesize(latents, file.height, file.width)
