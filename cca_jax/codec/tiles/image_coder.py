"""An image's way through the compiled steps of a model, tile by tile; an image that is not cut is one tile.

The transforms of a tile see a halo of what is around it; its latent is coded without (`latent_coding`). All
tiles of a grid share two buckets, so that they share their programs: one for the latent, one for the transforms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from cca_jax.codec.pictures.samples import in_levels, of_unit
from cca_jax.codec.tiles import precompile
from cca_jax.codec.tiles.stopwatch import Stopwatch
from cca_jax.codec.tiles.tile_coder import TileCoder
from cca_jax.config import ModelConfig
from cca_jax.model.cca import CCAModel
from cca_jax.tiling.blending import blend
from cca_jax.tiling.buckets import BucketLayout, pad
from cca_jax.tiling.geometry import UNIT, Box, Grid
from cca_jax.tiling.halo import POSITIONS, with_halos


class AnalyzedTile(NamedTuple):
    """A tile on its way to its streams.

    Attributes:
        coding: the steps in the shape of its latent.
        y: its latent, in that shape.
        wide: the steps in the shape of the tile with its halo.
        pixels: of the image there, 0 to 255, padded, in that shape.
        halo: the latent there.
        around: where the tile with its halo lies.
        place: where the tile lies in it.
    """

    coding: TileCoder
    y: Float[Array, "1 h w M"]
    wide: TileCoder
    pixels: UInt8[np.ndarray, "1 H W 3"] | Float[np.ndarray, "1 H W 3"]
    halo: Float[Array, "1 hw ww M"]
    around: Box
    place: Box


class ImageCoder:
    """The steps bound to a model and to a grid of tiles.

    Attributes:
        grid: of the image.
    """

    def __init__(
        self,
        model: CCAModel,
        params: Any,
        scales: np.ndarray,
        grid: Grid,
        quality: float | None = None,
        clock: Stopwatch | None = None,
        bucketed: bool = True,
    ) -> None:
        """Without `bucketed` a grid of one tile is computed in its own shape; the rest is as for `TileCoder`."""
        self.grid = grid
        self._bound = (model, params, scales)
        self._quality, self._clock, self._bucketed = quality, clock, bucketed

    @property
    def config(self) -> ModelConfig:
        """The model's sizes."""
        return self._bound[0].config

    def compile_encoder(self, deep: bool = False) -> None:
        """Starts to compile what encoding takes, of 8 or, if deep, of 16 bits, unless this process did so before."""
        precompile.compile_encoder(*self._bound, *self._frames(), self._quality, np.float32 if deep else np.uint8)

    def compile_decoder(self) -> None:
        """Starts to compile what decoding takes, likewise."""
        precompile.compile_decoder(*self._bound, *self._frames(), self._quality)

    def _frames(self) -> tuple[BucketLayout, BucketLayout]:
        """Those of the transforms and of the coding of all tiles."""
        box = next(self.grid.tiles())
        return self._execution(self.grid.around(box), self.grid.widest).layout, self.coding(box).layout

    def coding(self, box: Box) -> TileCoder:
        """The steps in the shape of a tile's latent, where hyperprior and slices are computed."""
        return self._execution(box, self.grid.tile)

    def analyze(self, image: np.ndarray) -> Iterator[tuple[TileCoder, Float[Array, "1 h w M"]]]:
        """Each tile's steps of coding and its latent, in their shape; the image is uint8 or uint16 [H, W, 3]."""
        return ((tile.coding, tile.y) for tile in self.analyze_tiles(image))

    def analyze_tiles(self, image: np.ndarray) -> Iterator[AnalyzedTile]:
        """Each tile with what is around it; the image is uint8 or uint16 [H, W, 3]."""
        for box in self.grid.tiles():
            around = self.grid.around(box)
            wide = self._execution(around, self.grid.widest)
            pixels = wide.layout.fill(pad(in_levels(image[around.crop(UNIT)]))[None])
            halo = y = wide.analyze(pixels)
            run, place = self.coding(box), box.within(around)
            if around != box:
                rows, columns = place.crop(POSITIONS)
                y = jnp.asarray(run.layout.fill(np.asarray(halo)[:, rows, columns]))
            yield AnalyzedTile(run, y, wide, pixels, halo, around, place)

    def synthesize(
        self,
        latents: Iterable[tuple[BucketLayout, Array]],
        height: int,
        width: int,
        dtype: np.dtype | type = np.uint8,
    ) -> np.ndarray:
        """The image [height, width, 3] from each tile's decoded latent, which lies in the frame beside it.

        Its samples are rounded once, to uint8 or to uint16.
        """
        if self.grid.count > 1:
            own = (layout.cut(np.asarray(latent)) for layout, latent in latents)
            return blend(self.grid, height, width, self._planes(with_halos(self.grid, own)), dtype)
        (box,), ((_, latent),) = self.grid.tiles(), latents
        run = self._execution(box, self.grid.widest)
        if dtype == np.uint8:
            return np.asarray(run.pixels(latent))[0, :height, :width].copy()
        return of_unit(np.asarray(run.synthesize(latent))[0, :height, :width], dtype)

    def _planes(self, latents: Iterable[np.ndarray]) -> Iterator[Float[np.ndarray, "H W 3"]]:
        for box, y_hat in zip(self.grid.tiles(), latents, strict=True):
            run = self._execution(self.grid.around(box), self.grid.widest)
            yield run.layout.cut(np.asarray(run.synthesize(jnp.asarray(run.layout.fill(y_hat)))))[0]

    def _execution(self, box: Box, sides: tuple[int, int]) -> TileCoder:
        layout = BucketLayout.within(box.sides, sides, self._bucketed)
        return TileCoder(*self._bound, layout, self._clock, self._quality)
