"""How the command line finds the codec of a model or of a file, and what it asks of one beside its methods."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from cca_jax.cli.library.image_codec import ImageCodec

if TYPE_CHECKING:
    from cca_jax.codec.codec import Codec
    from cca_jax.codec.pictures.source import Picture, Source
    from cca_jax.codec.tiles.stopwatch import Stopwatch


def load_codec(model: str | None, coder: str | None = None, max_pixels: int | None = None) -> ImageCodec:
    """The codec of a model.

    Args:
        model: a name from `cca-jax models` or a model folder; the package's default if None.
        coder: the range coder to write with; the best one installed if None.
        max_pixels: of an image that is accepted; the library's default if None.

    Raises:
        ValueError, OSError: there is no such model or coder, or it is damaged.
    """
    import cca_jax
    from cca_jax.bundles import registry
    from cca_jax.compile_cache.jax_cache import keep_compiled_programs

    keep_compiled_programs()
    limit = {} if max_pixels is None else {"max_pixels": max_pixels}
    codec: ImageCodec = cca_jax.load_model(registry.DEFAULT_MODEL if model is None else model, **limit)
    return codec if coder is None else codec.with_coder(coder)


@functools.cache
def _codec_for_identity(identity: bytes, max_pixels: int | None) -> ImageCodec:
    from cca_jax.bundles import registry

    return load_codec(str(registry.find_model(identity)), max_pixels=max_pixels)


_loading = threading.Lock()  # several threads may meet the first file of a model


def codec_for_file(data: bytes, partial: bool = False, max_pixels: int | None = None) -> ImageCodec:
    """The codec of the model that a .cca file names; loaded once for all files that name it.

    Args:
        data: the file.
        partial: whether it may be damaged or cut short.
        max_pixels: see `load_codec`.

    Raises:
        ValueError: not a .cca file, or its model is not installed.
    """
    from cca_jax.bitstream import container
    from cca_jax.bitstream.partial import read_whole_streams

    identity = (read_whole_streams(data) if partial else container.read(data, 1)).model_identity
    with _loading:
        return _codec_for_identity(identity, max_pixels)


def batch_size(codec: ImageCodec | None) -> int:
    """How many images the device computes at once, for a codec or, where files name theirs, at most."""
    if codec is not None:
        return codec.batch_size
    from cca_jax.codec.batches import ON_ACCELERATORS
    from cca_jax.ops.platform import on_cpu

    return 1 if on_cpu() else ON_ACCELERATORS


TellParts = Callable[[Mapping[str, float]], None]
"""Takes the seconds of the parts of coding."""


@contextlib.contextmanager
def parts_told(tell: TellParts | None) -> Iterator[Stopwatch | None]:
    """A stopwatch, whose seconds are told in the end; None where nobody wants to be told."""
    from cca_jax.codec.tiles.stopwatch import Stopwatch

    if tell is None:
        yield None
        return
    clock = Stopwatch()
    yield clock
    tell(clock.seconds)


def pixels_at_once(height: int, width: int, tile: int | None = None) -> int:
    """How many pixels are computed at once for an image of that height and width: those of a tile with its margin."""
    from cca_jax.tiling.buckets import bucket_side
    from cca_jax.tiling.geometry import UNIT, Grid

    rows, columns = map(bucket_side, Grid.divide(height, width, tile).widest)
    return UNIT * UNIT * rows * columns


def compress_to_target(
    codec: ImageCodec, image: Picture | Source, kind: str, value: float, tile: int | None = None, **options: Any
) -> Any:
    """The search result of a wanted rate ("bpp") or fidelity ("psnr").

    Raises:
        ValueError: the codec's model has a single rate, or does not reach this.
    """
    from cca_jax.codec import quality_search

    target = quality_search.Target(value, kind)
    return quality_search.compress_to_target(cast("Codec", codec), image, target, tile, **options)
