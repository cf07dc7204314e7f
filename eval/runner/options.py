"""The command line of `python -m eval`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cca_jax.cli.parser import OneLineParser, names, whole_number
from cca_jax.codec.effort.levels import MAX_EFFORT

ALL, NONE = "all", "none"
"""Words of --codecs, the first also of --metrics."""
ALWAYS = ("psnr", "ms-ssim")
"""What is measured in every run."""
EXIT_SOME_FAILED = 1

_DESCRIPTION = """\
Measures models and other codecs on a set of images: real files, written, read back and decoded. REPORT gets
results.json, results.csv, plots and report.html."""

_EPILOG = """\
Exit status: 0 on success, 1 where some images could not be measured (each is named in one line on standard error and
in results.json), 2 on bad input or where none could, 130 where interrupted. REPORT also keeps journal.jsonl: the same
command continues where the last one was interrupted. Results of conventional codecs are kept for other reports too."""


@dataclass(frozen=True)
class Options:
    """What was asked for.

    Attributes:
        data: a folder, searched at any depth, or tfds:NAME.
        data_dir: where TensorFlow datasets are prepared; None for their own place.
        models: names or folders; empty for the package's default.
        qualities: for models of several rates; empty for what they offer.
        efforts: each is a codec of its own.
        codecs: names of conventional codecs, or `ALL` or `NONE` alone.
        estimate: whether to add likelihood estimates.
        out: the report's folder.
        pictures: how many images the report shows.
        time_sample: how many images are measured one by one, with times; None for all.
        metrics: names of further measures of quality, or `ALL` alone.
        cache: whether results of conventional codecs may come from, and go to, the user's cache.
    """

    data: str
    data_dir: Path | None
    models: tuple[str, ...]
    qualities: tuple[float, ...]
    efforts: tuple[int, ...]
    codecs: tuple[str, ...]
    estimate: bool
    out: Path
    pictures: int
    time_sample: int | None
    metrics: tuple[str, ...]
    cache: bool


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options in command-line arguments; SystemExit where they are no such, or for --help."""
    parser = OneLineParser(prog="python -m eval", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument(
        "--data", required=True, metavar="DIR|tfds:NAME", help="images: a folder, at any depth, or a prepared dataset"
    )
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="where TensorFlow datasets are prepared")
    parser.add_argument(
        "--model",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME|DIR",
        help="models; default: the package's default model",
    )
    parser.add_argument(
        "--quality",
        nargs="+",
        action="extend",
        type=float,
        default=[],
        metavar="Q",
        help="for models of several rates; default: theirs",
    )
    parser.add_argument(
        "--effort",
        nargs="+",
        action="extend",
        type=int,
        choices=range(MAX_EFFORT + 1),
        default=[],
        metavar="0…9",
        help="that the models' encoders make, each a curve of its own; default: 0",
    )
    parser.add_argument(
        "--codecs",
        type=_words,
        default=("jpeg", "webp"),
        metavar="NAME,…",
        help="conventional codecs beside them: jpeg, webp, avif, heic, jxl, bpg, vtm, or all (that are installed), or "
        "none; default: jpeg,webp",
    )
    parser.add_argument(
        "--metrics",
        type=_words,
        default=ALWAYS,
        metavar="NAME,…",
        help="measures of quality: psnr and ms-ssim always; also psnr-hvs, psnr-hvs-m, vmaf (extra [metrics]), "
        "ssimulacra2, butteraugli (programs), or all (that can run here); default: psnr,ms-ssim",
    )
    parser.add_argument("--estimate", action="store_true", help="also report what the models' likelihoods say")
    parser.add_argument("--out", required=True, type=Path, metavar="REPORT", help="folder of the report")
    parser.add_argument(
        "--pictures",
        type=whole_number(0),
        default=3,
        metavar="N",
        help="images that the report shows (default: %(default)s)",
    )
    parser.add_argument(
        "--time-sample",
        type=whole_number(1),
        metavar="N",
        help="for large sets: measure times on N images, evenly spaced, one by one; code the others side by side",
    )
    parser.add_argument(
        "--no-cache", dest="cache", action="store_false", help="measure conventional codecs anew, and keep nothing"
    )
    args = parser.parse_args(arguments)
    return Options(
        data=args.data,
        data_dir=args.data_dir,
        models=tuple(args.model),
        qualities=tuple(args.quality),
        efforts=tuple(dict.fromkeys(args.effort)) or (0,),
        codecs=args.codecs,
        estimate=args.estimate,
        out=args.out,
        pictures=args.pictures,
        time_sample=args.time_sample,
        metrics=args.metrics,
        cache=args.cache,
    )


def _words(text: str) -> tuple[str, ...]:
    words = tuple(names(text.lower()))
    if len(words) > 1 and {ALL, NONE} & set(words):
        raise argparse.ArgumentTypeError(f"{text!r} is neither names, nor {ALL!r} or {NONE!r} alone")
    return words
