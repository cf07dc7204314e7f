"""`cca-jax compress`: images to .cca files."""

from __future__ import annotations

import argparse

import numpy as np

from cca_jax.cli import batch, library
from cca_jax.cli.console import Reporter, print_line
from cca_jax.cli.figures import Figures, bits_per_pixel, format_rate, mean_line, measure
from cca_jax.codec.effort.levels import EFFORT_MEASURED, MAX_EFFORT, MEASURED
from cca_jax.image_io.files import write_atomically


def add_parser(subparsers: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Adds the subcommand's arguments."""
    parser = subparsers.add_parser(
        "compress",
        parents=[common],
        help="compress images to .cca files",
        formatter_class=argparse.RawDescriptionHelpFormatter,  # keeps the table
        description="Compresses images. For each it prints the file, its bytes, and bits per pixel: the whole file\n"
        "over the original's pixels. Existing .cca files are replaced; an input never is.",
        epilog=_effort_table(),
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="image file, or a folder of them")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE.cca",
        help="output file; a folder (made if needed) for several images; default: beside each image",
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
        "--coder", choices=("tensorflow", "constriction"), help="range coder; default: the best installed"
    )
    parser.add_argument(
        "--metrics", action="store_true", help="also decode every file and print PSNR and MS-SSIM, and their means"
    )
    parser.set_defaults(run=run)


def _effort_table() -> str:
    gains = ["" if gain is None else f"{gain:.1f} %" for _, gain in MEASURED]
    lines = [
        f"  {number:>6}  {seconds:>6g} s  {gain:>7}".rstrip()
        for number, ((seconds, _), gain) in enumerate(zip(MEASURED, gains, strict=True))
    ]
    return "\n".join([EFFORT_MEASURED, "", "  effort      time     bits", *lines])


def run(args: argparse.Namespace) -> int:
    """Compresses; returns the exit status."""
    from cca_jax.image_io.images import find_images, read_image

    jobs = batch.plan(args.images, find_images(args.images), args.output, ".cca")
    for job in jobs:
        if job.target.suffix.lower() != ".cca" and job.target.exists():
            raise ValueError(f"{job.target}: exists and is not a .cca file by its name: name another output with -o")
    codec = library.load_codec(args.model, args.coder)
    batch.make_folders(jobs, args.output)
    name_width = max(len(job.target.name) for job in jobs)
    measured: list[Figures] = []

    def work(job: batch.Job, reporter: Reporter) -> str:
        image = read_image(job.source)
        for note in image.notes:
            reporter.problem(f"{job.source}: warning: {note}")
        data, quality = _compress(codec, image.pixels, args, reporter)
        rate = format_rate(bits_per_pixel(len(data), *image.pixels.shape[:2]))
        figures = None
        if args.metrics:
            # Before it is written: a file that cannot be decoded must not be left behind.
            figures = measure(image.pixels, codec.decompress(data), len(data))
        write_atomically(job.target, data)
        if figures is not None:
            measured.append(figures)
        return f"{job.target.name:<{name_width}}  {len(data):>9,} bytes  {figures or rate}{quality}"

    status = batch.run(jobs, work, "compressing", args.debug, long=args.effort > 0)
    if mean := mean_line(measured):
        print_line(mean)
    return status


def _compress(
    codec: library.ImageCodec, pixels: np.ndarray, args: argparse.Namespace, reporter: Reporter
) -> tuple[bytes, str]:
    """The bytes of a file and, where its quality was searched for, the words that say what was found."""
    options = {"tile": args.tile, "effort": args.effort, "progress": reporter.within}
    for kind, value in (("bpp", args.target_bpp), ("psnr", args.target_psnr)):
        if value is not None:
            result = library.compress_to_target(codec, pixels, kind, value, **options)
            reached = f" reaches {result.value:.2f} dB" if kind == "psnr" else ""
            return result.data, f"  quality {result.quality:.2f}{reached}"
    return codec.compress(pixels, args.quality, **options), ""
