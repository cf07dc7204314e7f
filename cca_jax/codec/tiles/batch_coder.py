"""Several images of one bucket through the compiled steps at once, for accelerators; an image that is cut never is.

What a batch computes is bound to its number of images: a batch that is not full is filled with its last image. The
symbols' tables follow from integers, so a batch is of models with exact scales alone: whoever decodes, image by image
or in batches of any size, finds the symbols that were coded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from cca_jax.bitstream import container
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.tiles.latent_coding import channel_indexes, decode_stream, pack
from cca_jax.codec.tiles.stopwatch import CODER, Stopwatch, timed
from cca_jax.codec.tiles.tile_coder import TileCoder
from cca_jax.compile_cache import programs
from cca_jax.compile_cache.cores import usable_cores
from cca_jax.entropy_coding.coders import RangeCoder
from cca_jax.model.cca import CCAModel
from cca_jax.model.coding.batched_steps import batched
from cca_jax.ops.valid_region import ValidRegion
from cca_jax.tiling.buckets import BucketLayout, pad

Value = TypeVar("Value")


def _side_by_side(work: Callable[[int], Value], count: int) -> list[Value]:
    """Of each image, in threads: the range coders leave Python's lock, and compute nothing by JAX."""
    with ThreadPoolExecutor(max(1, min(count, usable_cores()))) as pool:
        return list(pool.map(work, range(count)))


class _Layouts(NamedTuple):
    """The layouts of a batch in the place of one: `TileCoder` asks for the region alone."""

    region: ValidRegion


class BatchCoder(TileCoder):
    """The steps bound to a model and the layouts of a batch; all arrays have an axis of images before their own."""

    def __init__(
        self,
        model: CCAModel,
        params: Any,
        scales: np.ndarray,
        layouts: Sequence[BucketLayout],
        quality: float | None,
        clock: Stopwatch | None = None,
    ) -> None:
        """Binds them; layouts are of one bucket, as many as images are computed, with those that only fill up."""
        regions = [cast(ValidRegion, layout.region) for layout in layouts]
        sides = jnp.asarray(np.stack([np.asarray(region.sides) for region in regions]))
        together = _Layouts(ValidRegion(sides, regions[0].bucket))
        super().__init__(model, params, scales, cast(BucketLayout, together), clock, quality)
        self.layouts = tuple(layouts)

    def _run(self, part: str, step: Callable[..., Any], *arguments: Any) -> Any:
        if step.__name__ == "rate_point":  # of all images
            return super()._run(part, step, *arguments)
        rate = self.__dict__.get("rate")
        together = batched(step, arguments, (self.params, self.scales, rate))
        return timed(self.clock, part, programs.find(together, arguments))

    def encode(
        self, images: Sequence[UInt8[np.ndarray, "H W 3"]], bundle: Bundle, coder: RangeCoder
    ) -> list[tuple[container.Stream, ...]]:
        """The streams z, y1, y2, … of each image, which lies in the layout of its number.

        Raises:
            ValueError: an image's latent is not finite.
        """
        filled = [layout.fill(pad(image)[None]) for layout, image in zip(self.layouts, images, strict=False)]
        y = self.analyze(np.stack([*filled, *filled[-1:] * (len(self.layouts) - len(images))]))
        z_symbols, finite = self.hyper_analyze(y)
        if not np.asarray(finite).all():
            raise ValueError(f"model {bundle.name!r} gives numbers that are not finite on an image of these")
        coded, tables, _ = self.encode_slices(y, z_symbols)

        def code() -> list[tuple[container.Stream, ...]]:
            symbols, indexes = jax.device_get(([z_symbols, *coded], tables))

            def one(number: int) -> tuple[container.Stream, ...]:
                layout = self.layouts[number]
                own = [layout.cut(stream[number]) for stream in symbols]
                own_tables = [channel_indexes(own[0].shape), *(layout.cut(table[number]) for table in indexes)]
                return pack(own, own_tables, bundle, coder)

            return _side_by_side(one, len(images))

        return timed(self.clock, CODER, code)

    def decode(
        self, files: Sequence[container.Container], bundle: Bundle, coder: RangeCoder
    ) -> list[UInt8[np.ndarray, "H W 3"]]:
        """The images of files, each of which lies in the layout of its number and has the streams of all slices.

        Raises:
            CorruptError, MismatchError: see `container.verify_symbols`.
        """
        hyper_channels = bundle.config.hyper_channels

        def decode(stream: int, tables: np.ndarray | None) -> np.ndarray:
            """A stream of every image, in the bucket's shape."""

            def one(number: int) -> np.ndarray:
                layout = self.layouts[number]
                if tables is None:
                    indexes = channel_indexes((1, *layout.area, hyper_channels))
                else:
                    indexes = layout.cut(tables[number])
                return layout.fill(decode_stream(files[number], 0, bundle, coder, None, stream, indexes))

            parts = _side_by_side(one, len(files))
            return np.stack([*parts, *parts[-1:] * (len(self.layouts) - len(files))])

        z_symbols = jnp.asarray(timed(self.clock, CODER, decode, 0, None))
        count = bundle.config.num_slices
        latent = self.decode_slices(z_symbols, lambda index, tables: decode(1 + index, tables), count)
        pixels = np.asarray(self.pixels(latent))
        return [pixels[k, 0, : file.height, : file.width].copy() for k, file in enumerate(files)]
