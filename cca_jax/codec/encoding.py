"""An image encoded: the file and the integers in it."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Array, Float

from cca_jax.bitstream import container
from cca_jax.bitstream.boxes.section import Box
from cca_jax.bitstream.header import BOXED, TILED, VERSION
from cca_jax.tiling.buckets import BucketLayout
from cca_jax.tiling.geometry import Grid


@dataclasses.dataclass(frozen=True)
class CodedTile:
    """What is coded for a tile.

    Attributes:
        symbols: int32, per stream (z, then the slices), [1, h, w, channels].
        indexes: int32, of the same shapes: the table of each symbol.
        layout: where the tile lies in the latent.
        latent: the decoded latent on the device, in the frame's shape.
    """

    symbols: tuple[np.ndarray, ...]
    indexes: tuple[np.ndarray, ...]
    layout: BucketLayout
    latent: Array


@dataclasses.dataclass(frozen=True)
class Encoding:
    """A file and the integers in it.

    Attributes:
        container: the file.
        tiles: what is in it, in the order of the grid's tiles.
    """

    container: container.Container
    tiles: tuple[CodedTile, ...]

    @functools.cached_property
    def data(self) -> bytes:
        """The bytes of the `.cca` file."""
        return container.write(self.container)

    @property
    def bits_per_stream(self) -> tuple[int, ...]:
        """The bits that the file spends on z and on each slice, over all tiles; header and boxes come on top."""
        streams, tiles = self.container.streams, self.grid.count
        firsts = range(0, len(streams), tiles)
        return tuple(8 * sum(len(stream.data) for stream in streams[first : first + tiles]) for first in firsts)

    @property
    def grid(self) -> Grid:
        """The image's tiles."""
        return self.container.grid

    @property
    def symbols(self) -> tuple[np.ndarray, ...]:
        """Those of the image: int32, per stream (z, then the slices), [1, h, w, channels]."""
        streams = zip(*(tile.symbols for tile in self.tiles), strict=True)
        return tuple(_assemble(self.grid, stream) for stream in streams)

    @property
    def indexes(self) -> tuple[np.ndarray, ...]:
        """The table of each symbol, in the same shapes."""
        streams = zip(*(tile.indexes for tile in self.tiles), strict=True)
        return tuple(_assemble(self.grid, stream) for stream in streams)

    @property
    def y_hat(self) -> Float[np.ndarray, "1 h w M"]:
        """The decoded latent of the image."""
        return _assemble(self.grid, [tile.layout.cut(np.asarray(tile.latent)) for tile in self.tiles])


def file_of_tiles(
    head: tuple[int, int, bytes, int, float | None],
    grid: Grid,
    parts: Sequence[Sequence[container.Stream]],
    version: int | None = None,
    boxes: tuple[Box, ...] = (),
) -> container.Container:
    """The file of each tile's streams.

    Args:
        head: width, height, the model's identity, the coder's number, quality.
        grid: of the tiles.
        parts: z, y1, y2, … of each tile.
        version: of the format; None lets tiles and boxes decide.
        boxes: what is beside the picture. Versions before 4 leave it out.
    """
    streams = tuple(itertools.chain(*zip(*parts, strict=True)))  # z of every tile, y1 of every tile, …
    tile = grid.tile if grid.count > 1 else None
    if version is None:
        version = BOXED if boxes else TILED if tile else VERSION
    return container.Container(*head, streams, version, tile, boxes if version >= BOXED else ())


def _assemble(grid: Grid, parts: Sequence[np.ndarray]) -> np.ndarray:
    """The array [1, h, w, C] of the image whose tiles have these."""
    rows = (parts[first : first + grid.columns] for first in range(0, grid.count, grid.columns))
    return np.concatenate([np.concatenate(row, axis=2) for row in rows], axis=1)
