"""`python -m eval.demo.progressive`: how a picture comes with its slices, bits and PSNR after each of them.

The bits of k slices are those of the file cut behind them, over the original's pixels; what is decoded is that file.
Several photos give means, several models a table each.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np

from cca_jax.bitstream.container import read_header
from cca_jax.cli.console import print_json, print_line, print_problem, print_table
from cca_jax.cli.errors import EXIT_BAD_INPUT, EXPECTED, describe
from cca_jax.cli.figures import bits_per_pixel
from cca_jax.cli.library.codecs import load_codec
from cca_jax.cli.parser import OneLineParser
from cca_jax.cli.process import prepare_process
from cca_jax.codec.codec import Codec
from cca_jax.image_io.images import find_images, read_image
from cca_jax.objective.metrics import fidelity
from eval.demo.detail import check_picture, draw_detail, write_picture
from eval.demo.side_by_side import Panel

_PHOTO = Path(__file__).parent / "kodim23.png"


class Prefix(NamedTuple):
    """A file cut behind its first slices, decoded.

    Attributes:
        slices: how many.
        bits_per_pixel: of what is left of the file.
        psnr: dB.
        pixels: uint8 [H, W, 3].
    """

    slices: int
    bits_per_pixel: float
    psnr: float
    pixels: np.ndarray


def prefixes(codec: Codec, image: np.ndarray, quality: float | None) -> Iterator[Prefix]:
    """The file of an image, cut behind 0, 1, … slices, decoded.

    Args:
        codec: of a model.
        image: uint8 [H, W, 3].
        quality: for models of several rates; None for the codec's own choice.
    """
    data = codec.compress(image, quality)
    header = read_header(data)
    tiles = header.grid.count
    for slices in range(header.num_streams):
        left = data[: header.offsets[tiles * (1 + slices)]]
        pixels = codec.decompress(left, slices=slices)
        yield Prefix(slices, bits_per_pixel(len(left), *image.shape[:2]), fidelity(image, pixels)[0], pixels)


def mean_rows(per_image: Sequence[Sequence[Prefix]]) -> list[dict[str, float]]:
    """Of each number of slices the means over the images, and the share of the whole file's bits."""
    whole = fmean(found[-1].bits_per_pixel for found in per_image)
    rows = []
    for found in zip(*per_image, strict=True):
        rate = fmean(one.bits_per_pixel for one in found)
        psnr = fmean(one.psnr for one in found)
        rows.append({"slices": found[0].slices, "bits_per_pixel": rate, "share": rate / whole, "psnr": psnr})
    return rows


def measure_model(model: str | None, images: Sequence[Path], quality: float | None, picture: Path | None) -> dict:
    """The figures of a model, and the picture of its first image.

    Raises:
        ValueError, OSError: bad input; see `read_image` and `cca_jax.load_model`.
    """
    codec = load_codec(model)
    assert isinstance(codec, Codec)
    per_image = []
    for i, path in enumerate(images):
        original = read_image(path).pixels
        found = list(prefixes(codec, original, quality))
        if i == 0 and picture is not None:
            write_picture(picture, draw_detail([_panel(prefix) for prefix in found], original))
        per_image.append([prefix._replace(pixels=original[:0]) for prefix in found])
    settings = {"model": model or codec.name, "identity": codec.identity.hex(), "quality": quality}
    return {**settings, "images": [path.name for path in images], "rows": mean_rows(per_image)}


def _panel(prefix: Prefix) -> Panel:
    title = "1 slice" if prefix.slices == 1 else f"{prefix.slices} slices"
    return Panel(title, f"{prefix.bits_per_pixel:.3f} bits per pixel   {prefix.psnr:.2f} dB", prefix.pixels)


def _print(figures: dict) -> None:
    quality = "" if figures["quality"] is None else f", quality {figures['quality']:g}"
    count = len(figures["images"])
    over = figures["images"][0] if count == 1 else f"means of {count} images"
    print_line(f"model {figures['model']} ({figures['identity']}){quality}, {over}")
    table = [("slices", "bits per pixel", "of the file", "PSNR")]
    for row in figures["rows"]:
        rate, share = f"{row['bits_per_pixel']:.4f}", f"{row['share']:.1%}"
        table.append((f"{row['slices']:.0f}", rate, share, f"{row['psnr']:.2f} dB"))
    print_table(table, numeric=(0, 1, 2, 3))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = OneLineParser(prog="python -m eval.demo.progressive", description=__doc__)
    parser.add_argument("images", nargs="*", default=[str(_PHOTO)], metavar="IMAGE", help="photos or folders of them")
    parser.add_argument("--model", action="append", metavar="NAME|DIR", help="more than once to compare models")
    parser.add_argument("--quality", type=float, metavar="Q", help="for models of several rates (default: 50)")
    parser.add_argument("--picture", type=Path, metavar="FILE.webp", help="a detail after each slice, first model")
    parser.add_argument("--json", action="store_true", help="print the figures for machines")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Prints a table for each model; returns the exit status."""
    options = _parse(arguments)
    prepare_process()
    try:
        if options.picture is not None:
            check_picture(options.picture)
        images = find_images(options.images)
        figures = []
        for i, model in enumerate(options.model or [None]):
            picture = options.picture if i == 0 else None
            figures.append(measure_model(model, images, options.quality, picture))
            if not options.json:
                _print(figures[-1])
        if options.json:
            print_json(figures)
    except EXPECTED as error:
        print_problem(describe(error))
        return EXIT_BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main())
