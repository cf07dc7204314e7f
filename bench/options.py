"""The command line of `python -m bench`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from cca_jax.bundles.registry import DEFAULT_MODEL
from cca_jax.cli.parser import OneLineParser, names, whole_number
from train.plan.accelerators.chips import CHIPS

PARTS = (
    "codec",
    "process",
    "memory",
    "profile",
    "bulk",
    "scale",
    "seams",
    "training",
    "lowerings",
    "data",
    "reference",
    "aot",
    "accelerator",
)
"""What can be measured; bulk, scale and seams need --data, reference --reference, the last --out."""
_OF_PHOTOS = ("bulk", "scale", "seams")
_BY_DEFAULT = ("codec", "process", "training", "data")
DEFAULT_SIZES = "256x256,768x512"
DEFAULT_CASES = "100x64,1000x64,10000x64,300x256,100x512"
ALL_SIZES = "256x256,768x512,2048x1365,4096x2730"
_COUNT = whole_number(1)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options, checked; leaves with one line and status 2 where they are no use."""
    parser = OneLineParser(prog="python -m bench", description="Times coding, training and reading on this machine.")
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; default: {', '.join(_BY_DEFAULT)}"
    )
    parser.add_argument(
        "--models",
        type=names,
        default=[DEFAULT_MODEL, "paper"],
        metavar="NAME|DIR,…",
        help="of codec, process, memory, profile and seams: installed, folders, or presets with first weights",
    )
    parser.add_argument(
        "--sizes",
        type=_sizes,
        default=DEFAULT_SIZES,
        metavar="WxH,…",
        help=f"for codec, memory and reference; default: {DEFAULT_SIZES}; the whole series: {ALL_SIZES}",
    )
    parser.add_argument("--coder", choices=("tensorflow", "constriction"), help="default: what compress takes")
    parser.add_argument(
        "--presets", type=names, default=[DEFAULT_MODEL, "paper"], metavar="P,…", help="for training and accelerator"
    )
    parser.add_argument("--batch-size", type=_COUNT, default=4, help="for training; a multiple of --devices")
    parser.add_argument("--patch-size", type=_COUNT, default=128, help="for training and data")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="for training")
    parser.add_argument(
        "--devices",
        type=_counts,
        default="1,2,4",
        metavar="N,…",
        help="for training: over so many virtual devices; default: 1,2,4",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="photos for data, which makes a few else, and for bulk, scale and seams",
    )
    parser.add_argument("--before", type=Path, metavar="PATH", help="for bulk: a checkout of an earlier version")
    parser.add_argument(
        "--cases",
        type=_cases,
        default=DEFAULT_CASES,
        metavar="NxS,…",
        help=f"for scale: N crops of S pixels a side; default: {DEFAULT_CASES}",
    )
    parser.add_argument("--tile", type=_COUNT, default=192, metavar="N", help="for seams: pixels; default: 192")
    parser.add_argument("--picture", type=Path, metavar="FILE.png", help="for profile: draw it here")
    parser.add_argument("--reference", type=Path, metavar="PATH", help="a checkout of the released PyTorch code")
    parser.add_argument(
        "--reference-python", default="python3", metavar="PY", help="an interpreter with torch and the checkout's needs"
    )
    parser.add_argument(
        "--for",
        type=names,
        default=["h100", "v5e"],
        dest="chips",
        metavar="CHIP,…",
        help=f"for aot: {', '.join(CHIPS)}; they need not be there; default: h100,v5e",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="for accelerator: results, kept between calls")
    parser.add_argument(
        "--seconds", type=_COUNT, default=540, metavar="N", help="for accelerator: begin nothing new after so long"
    )
    parser.add_argument(
        "--time-limit",
        type=_COUNT,
        metavar="N",
        help="for accelerator: end after so many seconds, whatever runs (status 124); what was measured is kept",
    )
    parser.add_argument(
        "--steps", type=_COUNT, default=20, metavar="N", help="for accelerator: steps timed in a row; default: 20"
    )
    parser.add_argument(
        "--plans",
        type=_plans,
        default={},
        metavar="P=FILE,…",
        help="for accelerator: what `train --compile-for --json` said of a preset's step, to be shown beside",
    )
    parser.add_argument(
        "--crops-per-second", type=_COUNT, metavar="N", help="for data: say how many cores read as many"
    )
    parser.add_argument("--repetitions", type=_COUNT, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")  # fmt: skip
    options = parser.parse_args(arguments)
    _check(parser, options)
    return options


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Leaves where options are no use together; fills in the parts."""
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"there is no part {unknown[0]!r}: choose among {', '.join(PARTS)}")
    if not options.parts:
        options.parts = [*_BY_DEFAULT, *(["reference"] if options.reference is not None else [])]
    _check_paths(parser, options)
    odd = [number for number in options.devices if options.batch_size % number]
    if odd and "training" in options.parts:
        parser.error(f"--batch-size {options.batch_size} cannot be divided over {odd[0]} devices")


def _check_paths(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    for part in _OF_PHOTOS:
        if options.data is None and part in options.parts:
            parser.error(f"the part {part} needs --data: a folder of photos")
    if options.before is not None and not (options.before / "cca_jax" / "cli").is_dir():
        parser.error(f"{options.before} is no checkout of this project: it has no cca_jax/cli")
    if options.reference is None and "reference" in options.parts:
        parser.error("the part reference needs --reference: a checkout of the released code")
    if options.reference is not None and not (options.reference / "models" / "vae.py").is_file():
        parser.error(f"{options.reference} is not a checkout of the released code: it has no models/vae.py")
    if options.out is None and "accelerator" in options.parts:
        parser.error("the part accelerator needs --out: a folder for its results")
    if unknown := [chip for chip in options.chips if chip not in CHIPS]:
        parser.error(f"--for {unknown[0]}: choose among {', '.join(CHIPS)}")
    for name in ("json", "picture"):
        path = getattr(options, name)
        if path is not None and not path.resolve().parent.is_dir():
            parser.error(f"--{name} {path}: there is no such folder")


def _counts(text: str) -> list[int]:
    return sorted({1, *map(_COUNT, text.split(","))})


def _plans(text: str) -> dict[str, Path]:
    """P=FILE, a list of them, to files by preset."""
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(preset and file for preset, _, file in pairs):
        raise argparse.ArgumentTypeError(
            f"{text!r} names no files of presets: write PRESET=FILE, as in paper=h100.json"
        )
    return {preset: Path(file) for preset, _, file in pairs}


def _cases(text: str) -> list[tuple[int, int]]:
    """NxS, as in 100x64, to (N, S), a list of them."""
    found = [re.fullmatch(r"([1-9]\d{0,6})x([1-9]\d{0,4})", part) for part in text.split(",")]
    if None in found:
        raise argparse.ArgumentTypeError(f"{text!r} are no cases: write NUMBERxSIDE, as in {DEFAULT_CASES}")
    return [(int(case[1]), int(case[2])) for case in found if case is not None]


def _sizes(text: str) -> list[tuple[int, int]]:
    """WxH, as in 768x512, to (height, width), a list of them."""
    sizes = []
    for part in text.split(","):
        found = re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", part)
        if found is None:
            raise argparse.ArgumentTypeError(f"{part!r} is not a size: write WIDTHxHEIGHT, as in {DEFAULT_SIZES}")
        sizes.append((int(found[2]), int(found[1])))
    return sizes
