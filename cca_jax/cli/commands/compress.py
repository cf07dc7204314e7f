"""`cca-jax compress`: images to .cca files."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path
from typing import Any

from cca_jax.bulk.storage import streams
from cca_jax.bulk.work import Item
from cca_jax.cli.batch import outputs, running
from cca_jax.cli.commands import kept
from cca_jax.cli.commands.compression import Compression
from cca_jax.cli.console import Reporter, print_line
from cca_jax.cli.figures import Figures, format_rate, mean_line
from cca_jax.cli.library import codecs
from cca_jax.cli.parser import add_max_pixels
from cca_jax.cli.process import pillow_limit
from cca_jax.codec.effort.levels import EFFORT_MEASURED, MAX_EFFORT, MEASURED


def add_parser(subparsers: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Adds the subcommand's arguments."""
    parser = subparsers.add_parser(
        "compress",
        parents=[common],
        help="compress images to .cca files",
        formatter_class=argparse.RawDescriptionHelpFormatter,  # keeps the table
        description="Compresses images. For each it prints the file, its bytes, and bits per pixel: the whole file\n"
        "over the original's pixels. Existing .cca files are replaced; an input never is. Of several images,\n"
        "those are skipped that an earlier run of the same command finished.",
        epilog=_effort_table(),
    )
    parser.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="image file, a folder of them, or - for standard input; also a list (.txt), a .tar, a .parquet, a URL",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE.cca",
        help="output file, - for standard output, or a folder (made if needed) for several; default: beside each",
    )
    parser.add_argument("--model", metavar="NAME|DIR", help="a name from `cca-jax models` or a model folder")
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument("--quality", type=float, metavar="Q", help="1 to 100, for models of several rates (default: 50)")
    rate.add_argument("--target-bpp", type=float, metavar="X", help="find the best quality within X bits per pixel")
    rate.add_argument("--target-psnr", type=float, metavar="X", help="find the least quality that reaches X dB")
    parser.add_argument(
        "--tile",
        type=int,
        metavar="N",
        help="cut into tiles of at most N pixels a side, at least 64, to need less memory (default: only large images "
        "are cut, with N = 896)",
    )
    parser.add_argument(
        "--effort",
        type=int,
        choices=range(MAX_EFFORT + 1),
        default=0,
        metavar="0…9",
        help="search for what is better to code: smaller files of the same quality, which decode as fast (below)",
    )
    parser.add_argument(
        "--tone-map",
        action="store_true",
        help="fit high dynamic range (PQ, HLG) to sRGB by the curve of ITU-R BT.2390, instead of refusing it",
    )
    parser.add_argument(
        "--coder", choices=("tensorflow", "constriction"), help="range coder; default: the best installed"
    )
    add_max_pixels(parser)
    kept.add_arguments(parser)
    parser.add_argument(
        "--metrics", action="store_true", help="also decode every file and print PSNR and MS-SSIM, and their means"
    )
    running.add_arguments(parser)
    parser.set_defaults(run=run)


def _effort_table() -> str:
    lines = [f"  {number:>6}  {seconds:>6g} s  {gain:>5.1f} %" for number, (seconds, gain) in enumerate(MEASURED)]
    return "\n".join([EFFORT_MEASURED, "", "  effort      time     bits", *lines])


def run(args: argparse.Namespace) -> int:
    """Compresses; returns the exit status."""
    from cca_jax.image_io.images import IMAGE_SUFFIXES, find_images

    passed_over: list[Path] = []
    find = functools.partial(find_images, passed_over=passed_over)
    is_wanted = functools.partial(outputs.is_wanted_image, passed_over)
    items = outputs.gather(args.images, args.output, ".cca", find, IMAGE_SUFFIXES, args.recursive, is_wanted)
    for item in items:
        if not item.name.lower().endswith(".cca") and Path(item.target).is_file():
            raise ValueError(f"{item.target}: exists and is not a .cca file by its name: name another output with -o")
    codec = codecs.load_codec(args.model, args.coder, args.max_pixels)
    outputs.make_folders(items, args.output)
    name_width = max(len(item.name) for item in items)
    measured: list[Figures] = []

    def line(item: Item, facts: dict[str, Any]) -> str:
        figures = Figures.of_facts(facts)
        if figures is not None:
            measured.append(figures)
        rate = figures or format_rate(facts["bpp"])
        return f"{item.name:<{name_width}}  {facts['bytes']:>9,} bytes  {rate}{_reached(facts)}"

    standard = items[0].target == streams.STANDARD
    reporting = Reporter(len(items), "compressing", long=args.effort > 0, to_stderr=standard)
    with reporting as reporter, pillow_limit(args.max_pixels):
        if passed_over:
            reporter.problem(outputs.passed_over_line(passed_over))
        journal = outputs.keeps_journal(args.images, items, args.output)
        if args.ray is None:
            progress = reporter.within if len(items) == 1 else None
            make_work = functools.partial(Compression, codec, args, progress)
        else:
            make_work = functools.partial(_remote, args)
        status = running.Command(items, journal, make_work, codec, line, args).run(reporter)
    if mean := mean_line(measured):
        print_line(mean)
    return status


def _reached(facts: dict[str, Any]) -> str:
    """The words that say what a search found, where the quality was searched for."""
    if "quality" not in facts:
        return ""
    reached = f" reaches {facts['reached_psnr']:.2f} dB" if "reached_psnr" in facts else ""
    return f"  quality {facts['quality']:.2f}{reached}"


def _remote(args: argparse.Namespace) -> Compression:
    """The work on another machine, where the model is opened anew."""
    return Compression(codecs.load_codec(args.model, args.coder, args.max_pixels), args)
