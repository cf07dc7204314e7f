"""`cca-jax decompress`: .cca files to images."""

from __future__ import annotations

import argparse
import functools
import os
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cca_jax.bulk.memory import BYTES_PER_PIXEL
from cca_jax.bulk.storage import places, streams
from cca_jax.bulk.work import Item
from cca_jax.cli.batch import outputs, running
from cca_jax.cli.commands import output_image
from cca_jax.cli.console import Reporter, print_line
from cca_jax.cli.figures import Figures, bits_per_pixel, mean_line, measure
from cca_jax.cli.library import cca_files, codecs
from cca_jax.cli.library.image_codec import ImageCodec
from cca_jax.cli.parser import add_max_pixels
from cca_jax.image_io.files import find_files
from cca_jax.image_io.writing.formats import FORMATS

if TYPE_CHECKING:
    from cca_jax.image_io.photo import Photo

_BYTES_OF_RESULT = 12
"""Of each pixel and byte of a sample: red, green, blue and alpha, as decoded, together and encoded."""


def add_parser(subparsers: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Adds the subcommand's arguments."""
    parser = subparsers.add_parser(
        "decompress",
        parents=[common],
        help="restore images from .cca files",
        description="Restores images and prints the name and size of each. What -o names is replaced if it exists; "
        "without -o an existing image is left alone, since it may be the original, unless --force is given. "
        "Of several files, those are skipped that an earlier run of the same command finished.",
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE.cca", help="compressed file, a folder of them, or - for standard input"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="IMAGE.png",
        help=f"output image ({', '.join(FORMATS)}), - for a PNG on standard output, or a folder (made if needed) for "
        "several files; default: a .png beside each file",
    )
    parser.add_argument(
        "--model", metavar="NAME|DIR", help="model to decode with; default: the installed one the file names"
    )
    parser.add_argument("--slices", type=int, metavar="K", help="decode the first K slices only, as a preview")
    parser.add_argument(
        "--partial",
        action="store_true",
        help="of a file that was cut short or damaged, decode what is whole; without it such a file is refused",
    )
    add_max_pixels(parser)
    parser.add_argument("--force", action="store_true", help="without -o, replace an existing image")
    parser.add_argument(
        "--reference",
        metavar="IMAGE|DIR",
        help="the original, or a folder with originals of the same names: prints bits per pixel, PSNR and MS-SSIM too",
    )
    output_image.add_arguments(parser)
    running.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Decompresses; returns the exit status."""
    items = outputs.gather(args.files, args.output, ".png", _find, {".cca"}, args.recursive)
    for item in items:
        output_image.check_options(item, args)
    originals = None if args.reference is None else _Originals(args.reference, len(items))
    chosen = None if args.model is None else codecs.load_codec(args.model, max_pixels=args.max_pixels)
    outputs.make_folders(items, args.output)
    name_width = max(len(item.name) for item in items)
    measured: list[Figures] = []

    def line(item: Item, facts: dict[str, Any]) -> str:
        text = f"{item.name:<{name_width}}  {facts['width']}×{facts['height']}"
        figures = Figures.of_facts(facts)
        if figures is None:
            return text
        measured.append(figures)
        return f"{text}  {figures}"

    with Reporter(len(items), "restoring", to_stderr=items[0].target == streams.STANDARD) as reporter:
        journal = outputs.keeps_journal(args.files, items, args.output)
        if args.ray is None:
            make_work = functools.partial(Restoration, chosen, originals, args)
        else:
            make_work = functools.partial(_remote, originals, args)
        status = running.Command(items, journal, make_work, chosen, line, args).run(reporter)
    if mean := mean_line(measured):
        print_line(mean)
    return status


def _find(paths: Sequence[str]) -> list[Path]:
    return find_files(paths, {".cca"})


def _remote(originals: _Originals | None, args: argparse.Namespace) -> Restoration:
    """The work on another machine, where the model is opened anew."""
    codec = None if args.model is None else codecs.load_codec(args.model, max_pixels=args.max_pixels)
    return Restoration(codec, originals, args)


class _Loaded(NamedTuple):
    data: bytes
    codec: ImageCodec
    original: Path | None
    sides: tuple[int, int]


class Restoration:
    """.cca files to images, as the work of a run over many: see `bulk.work.Work`."""

    def __init__(self, codec: ImageCodec | None, originals: _Originals | None, args: argparse.Namespace) -> None:
        """Binds the codec, or None for the one that each file names, to the options of a command."""
        self._codec, self._originals, self._args = codec, originals, args
        self.batch_size = codecs.batch_size(codec)
        self.tell_parts: codecs.TellParts | None = None

    def fetch(self, item: Item) -> bytes:
        """The content of a file, unless its image may not be written."""
        if self._args.output is None and not self._args.force and os.path.isfile(item.target):
            raise ValueError(
                f"{item.target} exists and may be the original: name an output with -o, or replace it with --force"
            )
        return places.read(item.source)

    def load(self, item: Item, data: bytes) -> _Loaded:
        """Its model, and its original where that is compared."""
        original = None if self._originals is None else self._originals.path_for(item)
        args = self._args
        codec = codecs.codec_for_file(data, args.partial, args.max_pixels) if self._codec is None else self._codec
        header = cca_files.read_header(data)
        return _Loaded(data, codec, original, (header.height, header.width))

    def pixels(self, loaded: _Loaded) -> int:
        """How many are computed at once, and what the memory of the whole image counts as."""
        height, width = loaded.sides
        result = _BYTES_OF_RESULT * (1 if self._args.depth == "8" else 2) * height * width
        return codecs.pixels_at_once(height, width) + result // BYTES_PER_PIXEL

    def group(self, loaded: _Loaded) -> Hashable | None:
        """What it has in common with files that an accelerator decodes with it; None where it is decoded alone."""
        bucket = loaded.codec.batch_group(*loaded.sides)
        if bucket is None or loaded.codec.batch_size == 1 or self._args.slices is not None or self._args.partial:
            return None
        return loaded.codec.identity, bucket

    def code(self, loaded: Sequence[_Loaded]) -> list[tuple[_Loaded, Photo]]:
        """The pictures of files."""
        codec, files = loaded[0].codec, [one.data for one in loaded]
        args, depth = self._args, output_image.samples_depth(self._args)
        with codecs.parts_told(self.tell_parts) as clock:
            if len(files) == 1:
                decoded = [codec.decode(files[0], args.slices, args.partial, depth, clock=clock)]
            else:
                decoded = codec.decode_batch(files, depth=depth, clock=clock)
        return list(zip(loaded, decoded, strict=True))

    def render(self, item: Item, coded: tuple[_Loaded, Photo]) -> tuple[bytes, dict[str, Any]]:
        """An image file's bytes and figures."""
        from cca_jax.image_io.images import read_image
        from cca_jax.image_io.photo import flatten

        loaded, photo = coded
        height, width = photo.pixels.shape[:2]
        facts: dict[str, Any] = {"bytes": len(loaded.data), "width": width, "height": height}
        facts["bpp"] = bits_per_pixel(len(loaded.data), height, width)
        content, left_out = output_image.encode(output_image.image_name(item), photo, self._args)
        notes = [] if left_out is None else [left_out]
        if self._args.partial and (missing := cca_files.missing_parts(loaded.data)) is not None:
            notes.insert(0, f"it is cut short or damaged, {missing}")
        if notes:
            facts["notes"] = notes
        if loaded.original is not None:
            original = read_image(loaded.original).pixels
            facts |= measure(original, flatten(photo), len(loaded.data)).facts()
        return content, facts

    def stop(self) -> None:
        """A decoder cannot be stopped; it takes seconds."""


class _Originals:
    """Finds the original of each restored image."""

    def __init__(self, reference: str, num_files: int) -> None:
        from cca_jax.image_io.images import find_images

        self._reference = Path(reference)
        self._paths = find_images([reference])
        self._by_name = self._reference.is_dir()
        if num_files > 1 and not self._by_name:
            raise ValueError(f"{reference}: --reference must be a folder when several files are restored")

    def path_for(self, item: Item) -> Path:
        """The original of a file: the one image given, or the one of the same stem in the folder given."""
        originals = [
            path for path in self._paths if not self._by_name or Path(item.source).stem in (path.stem, path.name)
        ]
        if len(originals) != 1:
            how_many = f"{len(originals)} images" if originals else "no image"
            raise ValueError(
                f"{self._reference} holds {how_many} named {Path(item.source).stem}: name the original itself"
            )
        if os.path.realpath(originals[0]) == os.path.realpath(item.target):
            raise ValueError(f"{item.target}: is the original and would be overwritten: name another output with -o")
        return originals[0]
