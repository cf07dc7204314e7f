"""How the command line reaches models and codecs. The heavy imports are made when a function is called."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from cca_jax.codec.codec import Codec
    from cca_jax.codec.pictures.source import Picture, Source
    from cca_jax.codec.tiles.stopwatch import Stopwatch
    from cca_jax.image_io.photo import Photo


@runtime_checkable
class ImageCodec(Protocol):
    """The part of `cca_jax.Codec` that the command line uses."""

    @property
    def name(self) -> str:
        """What people call its model."""

    @property
    def identity(self) -> bytes:
        """By which its files name it."""

    def compress(
        self,
        image: Picture | Source,
        quality: float | None = None,
        *,
        tile: int | None = None,
        effort: int = 0,
        progress: Callable[[int, int], None] | None = None,
        clock: Stopwatch | None = None,
    ) -> bytes:
        """An image as the bytes of a .cca file, in tiles of at most that many pixels a side."""

    def decompress(
        self, data: bytes, slices: int | None = None, *, partial: bool = False, clock: Stopwatch | None = None
    ) -> np.ndarray:
        """The bytes of a .cca file as an image uint8 [H,W,3]."""

    @property
    def batch_size(self) -> int:
        """How many images the device computes at once."""

    def batch_group(self, height: int, width: int, tile: int | None = None, effort: int = 0) -> Hashable | None:
        """What images that can be computed at once have in common."""

    def compress_batch(
        self, images: Sequence[Picture | Source], quality: float | None = None, *, clock: Stopwatch | None = None
    ) -> list[bytes]:
        """As `compress`, for several."""

    def decode(
        self,
        data: bytes,
        slices: int | None = None,
        partial: bool = False,
        depth: int | None = None,
        *,
        clock: Stopwatch | None = None,
    ) -> Photo:
        """The whole picture of a .cca file, with 8 or 16 bits a sample; None is as the original's."""

    def decode_batch(
        self, files: Sequence[bytes], *, depth: int | None = None, clock: Stopwatch | None = None
    ) -> list[Photo]:
        """As `decode`, for several."""

    def with_coder(self, name: str) -> ImageCodec:
        """The same codec, writing with another range coder."""


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


def missing_parts(data: bytes) -> str | None:
    """What is not there of a .cca file that was cut short or damaged, in a few words; None where it is whole.

    Raises:
        ValueError: not a .cca file, or nothing of it is there.
    """
    from cca_jax.bitstream.boxes.kinds import box_name
    from cca_jax.bitstream.partial import read_whole_streams

    file, header = read_whole_streams(data), read_header(data)
    whole = {box.kind for box in file.boxes}
    lost = [f"the {box_name(entry.box.kind)} is lost" for entry in header.boxes if entry.box.kind not in whole]
    return ", ".join([*filter(None, [file.missing]), *lost]) or None


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


def read_header(data: bytes) -> Any:
    """The header of a .cca file, a `cca_jax.bitstream.header.Header`; the streams may be cut short.

    Raises:
        ValueError: not a .cca file, or its header is damaged.
    """
    from cca_jax.bitstream import container

    return container.read_header(data)


def box_facts(header: Any) -> dict[str, Any]:
    """What the boxes hold, once they are verified, of a header that `read_header` gave; see `cli.box_facts`.

    Raises:
        ValueError: one is damaged, or is not known here and needed.
    """
    from cca_jax.bitstream import container
    from cca_jax.bitstream.boxes.section import verified
    from cca_jax.cli import box_facts

    return box_facts.box_facts(verified(header.boxes, container.prefix_of(header)))


def coder_name(identifier: int) -> str | None:
    """The name of the range coder with that number in a file, installed or not; None if it is not known here."""
    from cca_jax.entropy_coding import coders

    return coders.coder_name(identifier)


def model_name(identity: bytes) -> str | None:
    """The name of the installed model with that identity, or None."""
    from cca_jax.bundles import registry

    try:
        # The folder's name is what --model takes.
        return registry.find_model(identity).name
    except (ValueError, OSError):
        return None


def list_models() -> list[Any]:
    """A `registry.ModelSummary` of each model that comes with the package."""
    from cca_jax.bundles import registry

    return list(registry.list_models())


def model_summary(name_or_path: str) -> Any:
    """The `registry.ModelSummary` of a model by name or folder.

    Raises:
        ValueError, OSError: there is no such model, or it is damaged.
    """
    from cca_jax.bundles import registry

    return registry.summarize_model(name_or_path)


def model_provenance(folder: Path) -> Any:
    """The `provenance.Provenance` of a model folder, or None where it has none.

    Raises:
        ValueError, OSError: the folder has one that cannot be read.
    """
    from cca_jax.bundles import provenance

    return provenance.read_provenance(folder)


def convert_checkpoint(path: Path, out_dir: Path, preset: str, weights: str | None) -> str | None:
    """Converts a PyTorch checkpoint to a model folder; returns a line on what other weights it had.

    Raises:
        ValueError, OSError: the checkpoint or the preset is not what it should be.
    """
    from cca_jax.convert import checkpoint

    return checkpoint.convert_checkpoint(path, out_dir, preset, weights)


def write_checkpoint(name_or_path: str, path: Path) -> str | None:
    """Writes a model as a PyTorch checkpoint; returns a line where the released code must be edited for it.

    Raises:
        ValueError, OSError: there is no such model, the released code has none of its kind, or the file cannot be
            written.
        ImportError: torch is not installed.
    """
    from cca_jax.bundles import registry
    from cca_jax.bundles.bundle import load_bundle
    from cca_jax.convert import write_checkpoint

    return write_checkpoint.write_checkpoint(load_bundle(registry.locate(name_or_path)), path)
