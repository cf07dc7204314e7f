"""`cca-jax export`: a model's compiled functions for programs that are not this one."""

from __future__ import annotations

import argparse

from cca_jax.cli.console import Reporter, print_line
from cca_jax.cli.parser import names

_PLATFORMS = ("cpu", "cuda", "tpu")


def add_parser(subparsers: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Adds the subcommand's arguments."""
    parser = subparsers.add_parser(
        "export",
        parents=[common],
        help="write a model's functions as StableHLO, for other programs",
        description="Writes all functions that encoding and decoding take, transforms, hyperprior and slices, as "
        "StableHLO programs, with the weights, the coding tables, and a manifest that describes them "
        "(docs/coding/export.md). examples/exported_decoder decodes files with them alone.",
    )
    parser.add_argument("model", metavar="MODEL", help="a model's name or folder")
    parser.add_argument("out", metavar="OUT", help="folder to make")
    parser.add_argument(
        "--format", choices=("stablehlo", "onnx"), default="stablehlo", help="of the programs (default: %(default)s)"
    )
    parser.add_argument(
        "--size",
        type=_size,
        default=(1024, 1024),
        metavar="WxH",
        help="pixels of the largest picture, or tile with its margin, that the programs take (default: 1024x1024)",
    )
    parser.add_argument(
        "--platforms",
        type=_platforms,
        default=_PLATFORMS,
        metavar="NAME,…",
        help=f"that programs are made for (default: {','.join(_PLATFORMS)}); none of them need be here",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exports; returns the exit status."""
    from cca_jax.convert.export.write import export_model  # it needs JAX, which --help does not

    with Reporter(1, "exporting", long=True) as reporter:

        def tell(part: str, done: int, total: int) -> None:
            reporter.begin(part)
            reporter.within(done, total)

        manifest = export_model(args.model, args.out, args.format, args.size, args.platforms, tell)
    height, width = manifest["shape"]["pixels"]
    takes = "up to" if manifest["model"]["exact_symbols"] else "in the bucket of"
    print_line(
        f"{args.out}: {len(manifest['parts'])} programs each for {', '.join(args.platforms)}, of pictures {takes} "
        f"{width}x{height} pixels"
    )
    return 0


def _size(text: str) -> tuple[int, int]:
    width, separator, height = text.lower().partition("x")
    if not (separator and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 768x512, width and height in pixels")
    return int(width), int(height)


def _platforms(text: str) -> tuple[str, ...]:
    chosen = tuple(names(text.lower()))
    if unknown := [name for name in chosen if name not in _PLATFORMS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(_PLATFORMS)}")
    return chosen
