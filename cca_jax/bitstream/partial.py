"""What is whole in a file that was cut short or damaged: each stream has a checksum of its own.

Streams follow one another slice by slice, so what is left of a file that ends early are the first slices of all tiles,
and one more of some. A checksum covers the header too: one stream that is whole says that the header is.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cca_jax.bitstream.boxes.kinds import ALPHA, PICTURE
from cca_jax.bitstream.boxes.section import Box, BoxEntry, verified
from cca_jax.bitstream.container import Container, Stream, intact_stream, prefix_of
from cca_jax.bitstream.header import Header, parse
from cca_jax.entropy_coding.errors import CorruptError


@dataclass(frozen=True)
class PartialContainer(Container):
    """A file of which some streams may be missing.

    Attributes:
        whole: of each tile z, y1, y2, … up to the first that is not whole; `streams` is empty.
        num_streams: how many streams of a tile the file had.
    """

    whole: tuple[tuple[Stream, ...], ...] = ()
    num_streams: int = 0

    def streams_of(self, tile: int) -> tuple[Stream, ...]:
        """Those of the tile of that number that can be decoded; none where its z is not whole."""
        return self.whole[tile]

    @property
    def slices(self) -> tuple[int, ...]:
        """How many slices of each tile are whole; -1 where not even its hyper-latent is."""
        return tuple(len(streams) - 1 for streams in self.whole)

    @property
    def missing(self) -> str | None:
        """What is not there, in a few words; None for a file that is whole."""
        fewest, most, written = min(self.slices), max(self.slices), self.num_streams - 1
        if fewest == written:
            return None
        if len(self.slices) == 1:
            return f"{most} of {written} slices are whole"
        lost = self.slices.count(-1)
        some = f", of {lost} of the {len(self.slices)} tiles nothing" if lost else ""
        fewest = max(fewest, 0)
        span = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        return f"{span} of {written} slices of a tile are whole{some}"

    def limited(self, slices: int) -> PartialContainer:
        """The same with at most so many slices."""
        return replace(self, whole=tuple(streams[: 1 + slices] for streams in self.whole))


def read_whole_streams(data: bytes) -> PartialContainer:
    """Reads the streams of a file that are whole, whatever is missing or damaged beside them.

    Raises:
        FormatError: not a `.cca` file, or one of another version.
        CorruptError: it is cut short within its header, or no stream is whole.
    """
    data = bytes(data)
    header = parse(data)
    prefix = prefix_of(header)
    places = zip(header.entries, header.offsets, strict=False)
    streams = [intact_stream(data, entry, start, prefix) for entry, start in places]
    tiles = header.grid.count
    whole = tuple(_first_whole(streams[tile::tiles]) for tile in range(tiles))
    if not any(whole):
        raise CorruptError("nothing of the picture is whole in the file: copy or download it again")
    named = (header.width, header.height, header.model_identity, header.coder, header.quality)
    boxes = _whole_boxes(header, prefix)
    return PartialContainer(*named, (), header.version, header.tile, boxes, whole, header.num_streams)


def _first_whole(streams: Sequence[Stream | None]) -> tuple[Stream, ...]:
    return tuple(stream for stream in itertools.takewhile(bool, streams) if stream is not None)


def _whole_boxes(header: Header, prefix: bytes) -> tuple[Box, ...]:
    def is_whole(entry: BoxEntry) -> bool:
        with contextlib.suppress(CorruptError):
            return bool(verified([entry], prefix))
        return False

    whole = [entry for entry in header.boxes if is_whole(entry)]
    if any(entry.box.kind == PICTURE for entry in header.boxes if entry not in whole):
        # It says how many bits the alpha plane has.
        whole = [entry for entry in whole if entry.box.kind != ALPHA]
    return verified(whole, prefix)
