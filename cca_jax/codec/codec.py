"""`Codec`: photos to `.cca` bytes and back; the only place where the model and the bytes meet.

Where scales come from the context, both directions run the same compiled functions, one for each slice and bucket of
sizes: a CPU of the same kind with the same versions predicts what the encoder predicted. Elsewhere the file's symbol
checks say so. Where scales are exact, every machine decodes the same symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from cca_jax.bitstream import container
from cca_jax.bitstream.header import EXACT_SHAPES, TILED
from cca_jax.bundles.bundle import load_bundle
from cca_jax.bundles.registry import locate
from cca_jax.codec.batches import Batches
from cca_jax.codec.checks.files import read_own
from cca_jax.codec.checks.limits import DEFAULT_MAX_PIXELS
from cca_jax.codec.coding_ways import best_way, code_tiles
from cca_jax.codec.decoding import decode_pixels
from cca_jax.codec.effort.search import Progress
from cca_jax.codec.encoding import Encoding, file_of_tiles
from cca_jax.codec.encoding_plan import plan_encoding
from cca_jax.codec.pictures.photo_boxes import photo_of, type_of_samples
from cca_jax.codec.pictures.source import Picture, Source, source_of
from cca_jax.codec.tiles.image_coder import ImageCoder
from cca_jax.codec.tiles.latent_coding import Observe
from cca_jax.codec.tiles.stopwatch import Stopwatch
from cca_jax.codec.tiles.tile_coder import memory_errors
from cca_jax.codec.trained_model import TrainedModel
from cca_jax.config import LATENT_STRIDE
from cca_jax.entropy_coding.coders import default_coder, get_coder
from cca_jax.image_io.photo import Photo
from cca_jax.tiling.geometry import Grid


def load_model(name_or_path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Codec:
    """The codec of an installed model by its name, or of a bundle by its folder; see `Codec`.

    Raises:
        ValueError: no such model, or it is damaged; a CoderUnavailableError where no range coder is installed.
    """
    return Codec(load_bundle(locate(name_or_path)), default_coder(), max_pixels=max_pixels)


class Codec(TrainedModel, Batches):
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

    def with_coder(self, name: str) -> Codec:
        """The same model, writing with the range coder of that name."""
        return Codec(self.bundle, get_coder(name), self.model.compute_dtype, self.max_pixels)

    @memory_errors()
    def compress(
        self,
        image: Picture | Source,
        quality: float | None = None,
        *,
        tile: int | None = None,
        effort: int = 0,
        clock: Stopwatch | None = None,
        progress: Progress | None = None,
    ) -> bytes:
        """The bytes of a `.cca` file.

        Args:
            image: sRGB of any size from 1×1: an array uint8 or uint16 [H, W, 3], [H, W, 4] with alpha or [H, W], a
                Pillow image, or a `Photo`. What is not plain 8-bit RGB goes into boxes of the file.
            quality: from 1 to 100, larger means more bits; None takes 50. Models of a single rate have none.
            tile: the longest side of a tile in pixels, at least 64. Memory grows with the tile, not with the image.
                None cuts what is larger than three megapixels, into tiles of about 900 pixels a side.
            effort: 0 to 9: from 1 on, what is coded is searched for, longer and longer (`effort.levels`). The file is
                never worse, in 0.05 · 255² · MSE + λ · bits per pixel at the quality's λ, than without.
            clock: adds up the seconds of the parts; every part is then waited for.
            progress: is told how many of a search's iterations are done, and how many there are.

        Raises:
            ValueError: another kind of picture, quality or effort than the model takes, or too small a tile.
            TooLargeError, MemoryError: the image is too large, for what is accepted or for the device.
        """
        source = source_of(image)
        grid, quality = plan_encoding(self.name, self.config, source.pixels, quality, tile, effort, self.max_pixels)
        run = self._encoder(source, grid, quality, clock)
        ways = code_tiles(run, source.pixels, effort, self.bundle, self.coder, progress)
        files = [
            container.write(self._container(source, grid, quality, streams))
            for streams in zip(*([streams for _, streams in tile] for tile in ways), strict=True)
        ]
        return best_way(files, source.pixels, run, quality, self.decompress, len)

    @memory_errors()
    def encode(
        self,
        image: Picture | Source,
        quality: float | None = None,
        *,
        tile: int | None = None,
        effort: int = 0,
        clock: Stopwatch | None = None,
        progress: Progress | None = None,
        version: int | None = None,
    ) -> Encoding:
        """As `compress`, with what the coder was given: for evaluation and tests.

        Version 1 of the format is of one tile, computed in the image's own shape. None lets tiles and boxes decide.
        """
        source = source_of(image)
        grid, quality = plan_encoding(self.name, self.config, source.pixels, quality, tile, effort, self.max_pixels)
        if version is not None and version < TILED:
            grid = Grid(grid.area, grid.area)
        run = self._encoder(source, grid, quality, clock, bucketed=version != EXACT_SHAPES)
        encodings = []
        for way in zip(*code_tiles(run, source.pixels, effort, self.bundle, self.coder, progress), strict=True):
            tiles, streams = zip(*way, strict=True)
            encodings.append(Encoding(self._container(source, grid, quality, streams, version), tiles))
        return best_way(encodings, source.pixels, run, quality, self.restore, lambda made: len(made.data))

    def _container(
        self, source: Source, grid: Grid, quality: float | None, parts: Sequence[Any], version: int | None = None
    ) -> container.Container:
        height, width = source.pixels.shape[:2]
        head = (width, height, self.identity, self.coder.identifier, quality)
        return file_of_tiles(head, grid, parts, version, source.boxes)

    def _encoder(self, source: Source, *arguments: Any, **named: Any) -> ImageCoder:
        self.coder.prepare()
        (run := self._execution(*arguments, **named)).compile_encoder(source.is_deep)
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
        """The image that `decompress` makes of an encoding's file, from the latent that the encoder already has.

        In a model of exact scales another program made that latent: a pixel may then differ by a level.
        """
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
        """The image of a `.cca` file: red, green and blue alone (`decode` gives all of the picture).

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
        return self.pixels_of(self._read(data, slices, self.max_pixels, partial), np.uint8, clock, observe)

    @memory_errors()
    def decode(
        self,
        data: bytes,
        slices: int | None = None,
        partial: bool = False,
        depth: int | None = None,
        *,
        clock: Stopwatch | None = None,
    ) -> Photo:
        """The whole picture of a `.cca` file: with its alpha, grey if it was, at its depth, with its metadata.

        Args:
            data: as for `decompress`.
            slices: likewise.
            partial: likewise.
            depth: 8 or 16 bits a sample, rounded once; None takes 16 where the original had more than 8.
            clock: as for `decompress`.

        Raises:
            ValueError: another depth; also what `decompress` raises.
        """
        file = self._read(data, slices, self.max_pixels, partial)
        return photo_of(file, self.pixels_of(file, type_of_samples(file, depth), clock))

    def _read(self, data: bytes, *options: Any) -> container.Container:
        return read_own(data, self.name, self.identity, self.config, *options)

    def pixels_of(
        self, file: container.Container, dtype: type, clock: Stopwatch | None = None, observe: Observe | None = None
    ) -> np.ndarray:
        """The colours of a file of this model that was read and checked, uint8 or uint16 [H, W, 3]."""
        run = self._execution(file.grid, file.quality, clock, bucketed=file.version > EXACT_SHAPES)
        return decode_pixels(run, file, self.bundle, dtype, clock, observe)
