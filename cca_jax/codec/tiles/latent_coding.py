"""One tile's latent to its streams and back; an image that is not cut is one tile.

Nothing but the tile's own latent enters: the networks of hyperprior and slices see zeros beyond it, as they do beyond
the edge of a picture, and each stream is coded on its own. So tiles can be decoded in any order, and side by side.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32

from cca_jax.bitstream import container
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.encoding import CodedTile
from cca_jax.codec.tiles.image_coder import ImageCoder
from cca_jax.codec.tiles.stopwatch import CODER, timed
from cca_jax.codec.tiles.tile_coder import TileCoder
from cca_jax.entropy_coding.coders import RangeCoder
from cca_jax.entropy_coding.errors import CorruptError
from cca_jax.tiling.buckets import BucketLayout
from cca_jax.tiling.geometry import Box

Observe = Callable[[int, int, np.ndarray], None]
"""(tile, stream, its symbols): called once a stream is decoded, before its symbols are verified; in any order."""


Coded = tuple[CodedTile, tuple[container.Stream, ...]]
"""What is coded for a tile, and its streams z, y1, y2, …."""


def encode_latent(
    run: TileCoder,
    y: Float[Array, "1 h w M"],
    bundle: Bundle,
    coder: RangeCoder,
    z_symbols: Int32[Array, "1 hz wz Z"] | None = None,
) -> Coded:
    """What is coded for a latent, and its streams z, y1, y2, ….

    Args:
        run: of the tile's frame.
        y: the latent, in the frame's shape.
        bundle: the model.
        coder: to write with.
        z_symbols: the hyper-latent's, where they are others than those that the latent gives.

    Raises:
        ValueError: the latent is not finite.
    """
    if z_symbols is None:
        z_symbols, finite = run.hyper_analyze(y)
        if not finite:
            raise ValueError(
                f"model {bundle.name!r} gives numbers that are not finite on this image: its weights are bad"
            )
    coded, tables, latent = run.encode_slices(y, z_symbols)

    def fetch() -> tuple[tuple[np.ndarray, ...], ...]:
        """Symbols and indexes on the host, those of the tile alone."""
        symbols, indexes = (tuple(map(run.layout.cut, part)) for part in jax.device_get(([z_symbols, *coded], tables)))
        return symbols, (channel_indexes(symbols[0].shape), *indexes)

    symbols, indexes = timed(run.clock, CODER, fetch)
    streams = timed(run.clock, CODER, pack, symbols, indexes, bundle, coder)
    return CodedTile(symbols, indexes, run.layout, latent), streams


def pack(
    symbols: Sequence[np.ndarray], indexes: Sequence[np.ndarray], bundle: Bundle, coder: RangeCoder
) -> tuple[container.Stream, ...]:
    """The streams of a tile's symbols and their tables, int32 [1, h, w, channels] for each of z, y1, y2, …."""
    tables = [bundle.hyper] + [bundle.latent] * bundle.config.num_slices
    return tuple(
        container.Stream(coder.encode(s.ravel(), i.ravel(), table), container.symbol_check(s.ravel()))
        for s, i, table in zip(symbols, indexes, tables, strict=True)
    )


def decode_latent(
    run: TileCoder,
    file: container.Container,
    tile: int,
    bundle: Bundle,
    coder: RangeCoder,
    observe: Observe | None = None,
) -> Float[Array, "1 h w M"]:
    """The decoded latent of a tile, in its frame's shape; slices whose streams were not read take their means.

    Args:
        run: of the tile's frame.
        file: with the slices to decode.
        tile: its number.
        bundle: the model.
        coder: the file's.
        observe: is shown each stream's symbols.

    Raises:
        CorruptError, MismatchError: see `container.intact_but_wrong`.
    """
    reading = (file, tile, bundle, coder, observe)

    def decode_slice(index: int, indexes: np.ndarray) -> np.ndarray:
        return run.layout.fill(decode_stream(*reading, 1 + index, run.layout.cut(indexes)))

    z_indexes, streams = channel_indexes((1, *run.layout.area, bundle.config.hyper_channels)), file.streams_of(tile)
    if not streams:  # of a file that is not whole: the picture that says least
        return run.decode_slices(jnp.asarray(run.layout.fill(np.zeros(z_indexes.shape, np.int32))), decode_slice, 0)
    z_symbols = jnp.asarray(run.layout.fill(timed(run.clock, CODER, decode_stream, *reading, 0, z_indexes)))
    return run.decode_slices(z_symbols, decode_slice, len(streams) - 1)


def decode_stream(
    file: container.Container,
    tile: int,
    bundle: Bundle,
    coder: RangeCoder,
    observe: Observe | None,
    stream: int,
    indexes: Int32[np.ndarray, "1 h w c"],
) -> Int32[np.ndarray, "1 h w c"]:
    """The symbols of a stream of a tile, verified; `indexes` are their tables, the rest is as for `decode_latent`."""
    coded, tiles = file.streams_of(tile)[stream], file.grid.count
    tables, number = (bundle.latent if stream else bundle.hyper), stream * tiles + tile
    portable = bundle.config.exact_scales or stream == 0  # no network predicts the tables of z
    try:
        symbols = coder.decode(coded.data, indexes.ravel(), tables)
    except CorruptError as error:  # the checksum was right: the tables are not those of the encoder
        fault = f"cannot be decoded ({error})"
        raise container.intact_but_wrong(number, fault, portable=portable, tiles=tiles) from error
    if observe is not None:
        observe(tile, stream, symbols)
    container.verify_symbols(number, coded.symbol_check, symbols, portable=portable, tiles=tiles)
    return symbols.reshape(indexes.shape)


def decode_tiles(
    run: ImageCoder,
    file: container.Container,
    bundle: Bundle,
    coder: RangeCoder,
    workers: int,
    observe: Observe | None = None,
) -> Iterator[tuple[BucketLayout, Float[Array, "1 h w M"]]]:
    """Each tile's frame and decoded latent, in the order of the tiles; the rest is as for `decode_latent`.

    Up to `workers` tiles of a row are decoded side by side, so that some are read by the coder while others' networks
    run. No more than a row is decoded ahead.
    """
    device, precision = jax.config.jax_default_device, jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]

    def decode(numbered: tuple[int, Box]) -> tuple[BucketLayout, Array]:
        number, box = numbered
        with jax.default_device(device), jax.default_matmul_precision(precision):  # contexts do not reach threads
            coding = run.coding(box)
            return coding.layout, decode_latent(coding, file, number, bundle, coder, observe)

    tiles = enumerate(file.grid.tiles())
    if workers == 1:
        yield from map(decode, tiles)
        return
    with ThreadPoolExecutor(workers) as pool:
        for _ in range(file.grid.rows):
            yield from pool.map(decode, itertools.islice(tiles, file.grid.columns))


def channel_indexes(shape: tuple[int, ...]) -> Int32[np.ndarray, "1 hz wz Z"]:
    """The tables of the hyper-latent's symbols: one a channel."""
    return np.broadcast_to(np.arange(shape[-1], dtype=np.int32), shape)
