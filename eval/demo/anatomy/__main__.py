"""`python -m eval.demo.anatomy`: where the bits of a photo's file go, and how slices depend on each other: figures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from cca_jax.cli.console import print_json, print_line, print_problem, print_table
from cca_jax.cli.errors import EXIT_BAD_INPUT, EXPECTED, describe
from cca_jax.cli.library.codecs import load_codec
from cca_jax.cli.parser import OneLineParser
from cca_jax.cli.process import prepare_process
from cca_jax.codec.codec import Codec
from cca_jax.config.quality_scale import check_quality
from cca_jax.image_io.files import write_atomically
from cca_jax.image_io.images import read_image
from cca_jax.tiling.buckets import pad
from eval.demo.anatomy.bits import FileParts, bits_by_position, file_parts
from eval.demo.anatomy.context import hiding_costs
from eval.demo.anatomy.draw import draw_bits, draw_context, draw_map

_PHOTO = Path(__file__).parents[1] / "kodim23.png"

_QUALITIES = (10.0, 30.0, 50.0, 70.0, 90.0)
_SIDE = 256
"""Of the square in the middle of the photo whose slices are hidden from each other, pixels."""


def main(arguments: list[str] | None = None) -> int:
    """Prints the table and writes the figures; returns the exit status."""
    options = _parse(arguments)
    prepare_process()
    try:
        codec = load_codec(options.model)
        assert isinstance(codec, Codec)
        figures = examine(codec, read_image(options.image).pixels, options.quality, options.out)
    except EXPECTED as error:
        print_problem(describe(error))
        return EXIT_BAD_INPUT
    if options.json:
        print_json(figures)
    else:
        _print(codec.name, options.image, figures)
    return 0


def examine(codec: Codec, image: np.ndarray, qualities: list[float] | None, out: Path | None) -> dict:
    """Takes files of an image apart, and draws what they are made of.

    Args:
        codec: of a model.
        image: uint8 [H, W, 3].
        qualities: to compress at; the middle one is also drawn on the picture. None for a few.
        out: folder for `bits-of-slices.svg`, `bits-map.svg` and `causal-slices.svg`, made if needed; None for none.

    Returns:
        The figures, JSON-ready.

    Raises:
        ValueError, OSError: a quality that the model does not have, or a folder that cannot be written.
    """
    settings: list[float | None] = [None]
    if codec.quality_range is not None:
        settings = [*sorted(set(qualities or _QUALITIES))]
        for quality in qualities or ():
            check_quality(quality)
    elif qualities:
        raise ValueError(f"model {codec.name} has a single rate: leave --quality out")
    parts = [file_parts(codec.compress(image, quality)) for quality in settings]
    middle = settings[len(settings) // 2]
    bits = bits_by_position(codec, codec.encode(image, middle))
    own, more = hiding_costs(codec, _middle_of(image), middle)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        names = ["" if quality is None else f"quality {quality:g}" for quality in settings]
        write_atomically(out / "bits-of-slices.svg", draw_bits(list(zip(names, parts, strict=True))))
        write_atomically(out / "bits-map.svg", draw_map(image, bits))
        write_atomically(out / "causal-slices.svg", draw_context(own, more))
    rows = [{"quality": q, **part._asdict()} for q, part in zip(settings, parts, strict=True)]
    context = {"quality": middle, "slices": own.tolist(), "more_bits_where_hidden": more.tolist()}
    return {"identity": codec.identity.hex(), "files": rows, "context": context}


def _middle_of(image: np.ndarray) -> np.ndarray:
    """A part from the middle of an image whose sides are multiples of 64; smaller images repeat their border."""
    height, width = image.shape[:2]
    top, left = max(0, height - _SIDE) // 2, max(0, width - _SIDE) // 2
    part = image[top : top + _SIDE, left : left + _SIDE]
    return pad(part)


def _print(name: str, photo: Path, figures: dict) -> None:
    print_line(f"model {name} ({figures['identity']}), {photo.name}: bits per pixel")
    count = len(figures["context"]["slices"])
    table = [("quality", "header", "hyper-latent", *(f"slice {k + 1}" for k in range(count)), "file")]
    for row in figures["files"]:
        parts = FileParts(row["header"], row["hyper"], tuple(row["slices"]))
        rates = (parts.header, parts.hyper, *parts.slices)
        quality = "–" if row["quality"] is None else f"{row['quality']:g}"
        table.append((quality, *(f"{rate:.4f}" for rate in (*rates, sum(rates)))))
    print_table(table, numeric=tuple(range(count + 4)))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = OneLineParser(prog="python -m eval.demo.anatomy", description=__doc__)
    parser.add_argument(
        "image", nargs="?", type=Path, default=_PHOTO, metavar="IMAGE", help="a photo (default: the bundled one)"
    )
    parser.add_argument("--model", metavar="NAME|DIR", help="default: the package's default model")
    parser.add_argument(
        "--quality", nargs="+", type=float, metavar="Q", help="for models of several rates (default: 10 30 50 70 90)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the figures, as SVG")
    parser.add_argument("--json", action="store_true", help="print the figures for machines")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
