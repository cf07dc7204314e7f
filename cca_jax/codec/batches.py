"""Many images in one call: in batches where the device is an accelerator, side by side where it is a CPU.

A file's bytes depend on its image, its options and, on an accelerator, on the number of images that the device computes
at once, because sums of floats may be rounded otherwise in arrays of another shape. So that number is fixed:
whatever else is in a batch, and however full it is, a file is the same. A batch size of 1 gives the bytes of
`Codec.compress`. Models whose scales come from floats in the context are coded so always: their decoder must
repeat the encoder's arithmetic, and computes each image by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar, cast

import jax
import numpy as np
from jaxtyping import UInt8

from cca_jax.bitstream import container
from cca_jax.bitstream.header import EXACT_SHAPES
from cca_jax.codec.checks.files import read_own
from cca_jax.codec.encoding import file_of_tiles
from cca_jax.codec.encoding_plan import plan_encoding
from cca_jax.codec.pictures.photo_boxes import photo_of, type_of_samples
from cca_jax.codec.pictures.source import Picture, Source, source_of
from cca_jax.codec.tiles.batch_coder import BatchCoder
from cca_jax.codec.tiles.stopwatch import Stopwatch
from cca_jax.codec.tiles.tile_coder import memory_errors
from cca_jax.compile_cache.cores import usable_cores
from cca_jax.entropy_coding.coders import get_coder
from cca_jax.image_io.photo import Photo
from cca_jax.ops.platform import on_cpu
from cca_jax.tiling.buckets import BucketLayout, bucket_side
from cca_jax.tiling.geometry import Grid

if TYPE_CHECKING:
    from cca_jax.codec.codec import Codec

Value = TypeVar("Value")
Result = TypeVar("Result")
ON_ACCELERATORS = 8
"""Images that an accelerator computes at once, where nobody says otherwise."""
_SIDE_BY_SIDE = 16


class Batches:
    """The part of `Codec` that takes many images in one call."""

    @property
    def batch_size(self) -> int:
        """How many images the device computes at once: one on a CPU, and where scales come from floats."""
        return ON_ACCELERATORS if self._codec.config.exact_scales and not on_cpu() else 1

    @property
    def _codec(self) -> Codec:
        return cast("Codec", self)

    def batch_group(self, height: int, width: int, tile: int | None = None, effort: int = 0) -> Hashable | None:
        """What images have in common that can be computed at once: their bucket; None for one that is coded alone."""
        grid = Grid.divide(height, width, tile)
        if grid.count > 1 or effort or not self._codec.config.exact_scales:
            return None
        return tuple(map(bucket_side, grid.area))

    @memory_errors()
    def compress_batch(
        self,
        images: Sequence[Picture | Source],
        quality: float | None = None,
        *,
        tile: int | None = None,
        effort: int = 0,
        batch_size: int | None = None,
        clock: Stopwatch | None = None,
    ) -> list[bytes]:
        """The bytes of a `.cca` file for each image.

        Args:
            images: as for `Codec.compress`. Those of one bucket and of 8 bits go through the device together.
            quality: of all; this and what follows is as for `Codec.compress`.
            tile: likewise.
            effort: likewise.
            batch_size: how many images the device computes at once; None takes `batch_size` of this codec. With 1 the
                files are those of `Codec.compress`, and images are coded side by side in threads.
            clock: likewise.

        Raises:
            ValueError, TooLargeError, MemoryError: as for `Codec.compress`; no file is then returned.
        """
        codec, size = self._codec, self.batch_size if batch_size is None else batch_size
        options = (quality, tile, effort, codec.max_pixels)
        sources = [source_of(image) for image in images]
        plans = [plan_encoding(codec.name, codec.config, source.pixels, *options) for source in sources]

        def alone(source: Source) -> bytes:
            return codec.compress(source, quality, tile=tile, effort=effort, clock=clock)

        def together(numbers: list[int]) -> list[bytes]:
            members, grids = [sources[number] for number in numbers], [plans[number][0] for number in numbers]
            coded_quality = plans[numbers[0]][1]
            pixels, run = [source.pixels for source in members], self._steps(grids, size, coded_quality, clock)
            made = []
            for source, grid, own in zip(members, grids, run.encode(pixels, codec.bundle, codec.coder), strict=True):
                height, width = source.size
                head = (width, height, codec.identity, codec.coder.identifier, coded_quality)
                made.append(container.write(file_of_tiles(head, grid, [own], boxes=source.boxes)))
            return made

        groups = [None if source.is_deep else self.batch_group(*source.size, tile, effort) for source in sources]
        return _in_groups(sources, groups, size, together, alone, clock)

    @memory_errors()
    def decompress_batch(
        self, files: Sequence[bytes], *, batch_size: int | None = None, clock: Stopwatch | None = None
    ) -> list[UInt8[np.ndarray, "H W 3"]]:
        """The image of each `.cca` file.

        Args:
            files: of this model. Those of one bucket and one quality go through the device together.
            batch_size: as for `compress_batch`. With another than 1 a level of a pixel may differ by one from that of
                `Codec.decompress`; the symbols never do.
            clock: as for `Codec.decompress`.

        Raises:
            FormatError, CorruptError, MismatchError, CoderUnavailableError, TooLargeError: as for `Codec.decompress`;
                no image is then returned.
        """
        return [pixels for _, pixels in self._decoded(files, 8, batch_size, clock)]

    @memory_errors()
    def decode_batch(
        self,
        files: Sequence[bytes],
        *,
        depth: int | None = None,
        batch_size: int | None = None,
        clock: Stopwatch | None = None,
    ) -> list[Photo]:
        """The whole picture of each `.cca` file.

        Args:
            files: as for `decompress_batch`; what is decoded with 16 bits is decoded by itself.
            depth: as for `Codec.decode`.
            batch_size: as for `decompress_batch`.
            clock: likewise.

        Raises:
            ValueError: as for `Codec.decode` and `decompress_batch`.
        """
        return [photo_of(file, pixels) for file, pixels in self._decoded(files, depth, batch_size, clock)]

    def _decoded(
        self, files: Sequence[bytes], depth: int | None, batch_size: int | None, clock: Stopwatch | None
    ) -> list[tuple[container.Container, np.ndarray]]:
        """What each file holds, and its pixels."""
        codec, size = self._codec, self.batch_size if batch_size is None else batch_size
        read = [read_own(data, codec.name, codec.identity, codec.config, None, codec.max_pixels) for data in files]
        types = [type_of_samples(file, depth) for file in read]

        def alone(number: int) -> np.ndarray:
            return codec.pixels_of(read[number], types[number], clock)

        def together(numbers: list[int]) -> list[np.ndarray]:
            members = [read[number] for number in numbers]
            run = self._steps([file.grid for file in members], size, members[0].quality, clock)
            return run.decode(members, codec.bundle, get_coder(members[0].coder))

        groups: list[Hashable | None] = []
        for file, samples in zip(read, types, strict=True):
            bucket = self.batch_group(file.height, file.width)
            bucketed = (
                bucket is not None and file.version > EXACT_SHAPES and file.grid.count == 1 and samples is np.uint8
            )
            groups.append((bucket, file.quality, file.coder) if bucketed else None)
        return list(zip(read, _in_groups(range(len(read)), groups, size, together, alone, clock), strict=True))

    def _steps(
        self, grids: Sequence[Grid], batch_size: int, quality: float | None, clock: Stopwatch | None
    ) -> BatchCoder:
        codec = self._codec
        layouts = [BucketLayout.within(grid.area, grid.area) for grid in grids]
        layouts += layouts[-1:] * (batch_size - len(layouts))
        return BatchCoder(codec.model, codec.params, codec.bundle.scales, layouts, quality, clock)


def _in_groups(
    values: Sequence[Value],
    groups: Sequence[Hashable | None],
    batch_size: int,
    together: Callable[[list[int]], list[Result]],
    alone: Callable[[Value], Result],
    clock: Stopwatch | None,
) -> list[Result]:
    """The results in the order of the values: batches of each group, and one by one what is in none."""
    numbers: dict[Hashable, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        numbers[(None if batch_size == 1 else group)].append(number)
    singles = numbers.pop(None, [])
    results: dict[int, Result] = {}
    for members in numbers.values():
        for first in range(0, len(members), batch_size):
            batch = members[first : first + batch_size]
            results |= zip(batch, together(batch), strict=True)
    results |= zip(singles, _side_by_side(alone, [values[number] for number in singles], clock), strict=True)
    return [results[number] for number in range(len(values))]


def _side_by_side(
    work: Callable[[Value], Result], values: Sequence[Value], clock: Stopwatch | None
) -> Sequence[Result]:
    """In threads, unless a stopwatch adds up what is done one by one; under JAX's settings of this thread."""
    workers = min(len(values), usable_cores(), _SIDE_BY_SIDE)
    if workers < 2 or clock is not None:
        return [work(value) for value in values]
    device, precision = jax.config.jax_default_device, jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]

    def within(value: Any) -> Result:
        with jax.default_device(device), jax.default_matmul_precision(precision):  # contexts do not reach threads
            return work(value)

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(within, values))
