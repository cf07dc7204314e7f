"""What `cca-jax compress` does with each image, as the work of a run over many: see `bulk.work.Work`."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cca_jax.bulk import sources
from cca_jax.bulk.storage import places, streams
from cca_jax.bulk.work import Item
from cca_jax.cli.commands import kept
from cca_jax.cli.figures import bits_per_pixel, measure
from cca_jax.cli.library import codecs
from cca_jax.cli.library.image_codec import ImageCodec

if TYPE_CHECKING:
    from cca_jax.codec.pictures.source import Source
    from cca_jax.codec.tiles.stopwatch import Stopwatch


class Loaded(NamedTuple):
    """An image that was read."""

    source: Source
    """What is coded of it."""

    notes: tuple[str, ...]
    """What is to be said of it, one line each."""


class Compressed(NamedTuple):
    """A file, and what is known of it."""

    data: bytes
    image: Loaded
    decoded: np.ndarray | None
    """What comes back, uint8 [H,W,3], where that is asked for."""
    search: dict[str, Any]


class Compression:
    """Images to .cca files."""

    def __init__(
        self,
        codec: ImageCodec,
        args: argparse.Namespace,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Binds a codec to the options of a command; `progress` is told of a search's iterations."""
        self._codec, self._args, self._progress = codec, args, progress
        self._stopping = threading.Event()
        self.batch_size = codec.batch_size
        self.tell_parts: codecs.TellParts | None = None

    def fetch(self, item: Item) -> bytes:
        """The content of an image file."""
        from cca_jax.image_io.photo import load_bytes

        if item.source == streams.STANDARD:
            return load_bytes(streams.standard_input())[1]
        return load_bytes(item.source)[1] if sources.is_plain(item.source) else places.read(item.source)

    def load(self, item: Item, data: bytes) -> Loaded:
        """Its pixels and what is kept beside them."""
        from cca_jax.codec.pictures.source import source_of
        from cca_jax.image_io.photo import decode_photo

        photo = kept.keep(decode_photo(data, streams.title(item.source), self._args.tone_map), self._args)
        return Loaded(source_of(photo), photo.notes)

    def pixels(self, loaded: Loaded) -> int:
        """How many are computed at once."""
        return codecs.pixels_at_once(*loaded.source.size, self._args.tile)

    def group(self, loaded: Loaded) -> Hashable | None:
        """The bucket that an accelerator computes it in with others; None where it is coded alone."""
        args, source = self._args, loaded.source
        if args.target_bpp is not None or args.target_psnr is not None or source.is_deep:
            return None
        return self._codec.batch_group(*source.size, args.tile, args.effort)

    def code(self, loaded: Sequence[Loaded]) -> list[Compressed]:
        """The files of images."""
        if len(loaded) == 1:
            return [self._compress(loaded[0])]
        with codecs.parts_told(self.tell_parts) as clock:
            files = self._codec.compress_batch([image.source for image in loaded], self._args.quality, clock=clock)
            return [self._complete(data, image, {}, clock) for data, image in zip(files, loaded, strict=True)]

    def render(self, item: Item, coded: Compressed) -> tuple[bytes, dict[str, Any]]:
        """A file's bytes and figures."""
        height, width = coded.image.source.size
        facts: dict[str, Any] = {
            "bytes": len(coded.data),
            "bpp": bits_per_pixel(len(coded.data), height, width),
            "width": width,
            "height": height,
            **coded.search,
        }
        if coded.decoded is not None:
            facts |= measure(coded.image.source.in_8_bits, coded.decoded, len(coded.data)).facts()
        if coded.image.notes:
            facts["notes"] = list(coded.image.notes)
        return coded.data, facts

    def stop(self) -> None:
        """Ends searches."""
        self._stopping.set()

    def _tell(self, done: int, total: int) -> None:
        if self._stopping.is_set():
            raise InterruptedError("the command was interrupted")
        if self._progress is not None:
            self._progress(done, total)

    def _compress(self, image: Loaded) -> Compressed:
        args = self._args
        options = {"tile": args.tile, "effort": args.effort, "progress": self._tell}
        for kind, value in (("bpp", args.target_bpp), ("psnr", args.target_psnr)):
            if value is not None:
                result = codecs.compress_to_target(self._codec, image.source, kind, value, **options)
                reached = {"reached_psnr": result.value} if kind == "psnr" else {}
                return self._complete(result.data, image, {"quality": result.quality, **reached}, None)
        with codecs.parts_told(self.tell_parts) as clock:
            data = self._codec.compress(image.source, args.quality, clock=clock, **options)
            return self._complete(data, image, {}, clock)

    def _complete(self, data: bytes, image: Loaded, search: dict[str, Any], clock: Stopwatch | None) -> Compressed:
        # Before it is written: a file that cannot be decoded must not be left behind.
        decoded = self._codec.decompress(data, clock=clock) if self._args.metrics else None
        return Compressed(data, image, decoded, search)
