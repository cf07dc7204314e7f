"""`cca-jax decompress`: .cca files to images."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from cca_jax.cli import batch, library
from cca_jax.cli.console import Reporter, print_line
from cca_jax.cli.figures import Figures, mean_line, measure
from cca_jax.image_io.files import find_files


def add_parser(subparsers: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Adds the subcommand's arguments."""
    parser = subparsers.add_parser(
        "decompress",
        parents=[common],
        help="restore images from .cca files",
        description="Restores images and prints the name and size of each. What -o names is replaced if it exists; "
        "without -o an existing image is left alone, since it may be the original, unless --force is given.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE.cca", help="compressed file, or a folder of them")
    parser.add_argument(
        "-o",
        "--output",
        metavar="IMAGE.png",
        help="output image (.png, .webp, .tif, .bmp or .ppm); a folder (made if needed) for several files; "
        "default: a .png beside each file",
    )
    parser.add_argument(
        "--model", metavar="NAME|DIR", help="model to decode with; default: the installed one the file names"
    )
    parser.add_argument("--slices", type=int, metavar="K", help="decode the first K slices only, as a preview")
    parser.add_argument("--force", action="store_true", help="without -o, replace an existing image")
    parser.add_argument(
        "--reference",
        metavar="IMAGE|DIR",
        help="the original, or a folder with originals of the same names: prints bits per pixel, PSNR and MS-SSIM too",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Decompresses; returns the exit status."""
    from cca_jax.image_io import images

    jobs = batch.plan(args.files, find_files(args.files, {".cca"}), args.output, ".png")
    for job in jobs:
        images.check_writable(job.target)
    originals = None if args.reference is None else _Originals(args.reference, len(jobs))
    chosen = None if args.model is None else library.load_codec(args.model)
    batch.make_folders(jobs, args.output)
    name_width = max(len(job.target.name) for job in jobs)
    measured: list[Figures] = []

    def work(job: batch.Job, reporter: Reporter) -> str:
        if args.output is None and not args.force and job.target.exists():
            raise ValueError(
                f"{job.target} exists and may be the original: name an output with -o, or replace it with --force"
            )
        original = None if originals is None else originals.path_for(job)
        data = job.source.read_bytes()
        codec = library.codec_for_file(data) if chosen is None else chosen
        pixels = codec.decompress(data, args.slices)
        figures = None
        if original is not None:
            figures = measure(images.read_image(original).pixels, pixels, len(data))
        images.write_image(job.target, pixels)
        line = f"{job.target.name:<{name_width}}  {pixels.shape[1]}×{pixels.shape[0]}"
        if figures is None:
            return line
        measured.append(figures)
        return f"{line}  {figures}"

    status = batch.run(jobs, work, "restoring", args.debug)
    if mean := mean_line(measured):
        print_line(mean)
    return status


class _Originals:
    """Finds the original of each restored image."""

    def __init__(self, reference: str, num_files: int) -> None:
        from cca_jax.image_io.images import find_images

        self._reference = Path(reference)
        self._paths = find_images([reference])
        self._by_name = self._reference.is_dir()
        if num_files > 1 and not self._by_name:
            raise ValueError(f"{reference}: --reference must be a folder when several files are restored")

    def path_for(self, job: batch.Job) -> Path:
        """The original of a job's file: the one image given, or the one of the same stem in the folder given."""
        originals = [path for path in self._paths if not self._by_name or path.stem == job.source.stem]
        if len(originals) != 1:
            how_many = f"{len(originals)} images" if originals else "no image"
            raise ValueError(f"{self._reference} holds {how_many} named {job.source.stem}: name the original itself")
        if os.path.realpath(originals[0]) == os.path.realpath(job.target):
            raise ValueError(f"{job.target}: is the original and would be overwritten: name another output with -o")
        return originals[0]
