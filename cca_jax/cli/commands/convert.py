"""`cca-jax convert`: a PyTorch checkpoint to a model folder, or a model to a PyTorch checkpoint."""

from __future__ import annotations

import argparse
from pathlib import Path

from cca_jax import install_hint
from cca_jax.cli.console import print_line, print_problem
from cca_jax.cli.library import models

_SUFFIXES = (".tar", ".pth", ".pt")
"""How the names of PyTorch's checkpoints end."""


def add_parser(subparsers: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Adds the subcommand's arguments."""
    parser = subparsers.add_parser(
        "convert",
        parents=[common],
        help="convert a PyTorch checkpoint to a model folder, or back",
        description="Converts a PyTorch checkpoint of the released code, or of CompressAI's mbt2018-mean (--preset "
        "mbt2018-mean), to a model folder; none of its code is run, and torch is not needed. Or, where OUT ends with "
        ".pth.tar, writes a model as a checkpoint that the released code loads; that needs torch "
        f"({install_hint('torch')}).",
    )
    parser.add_argument("source", metavar="CHECKPOINT|MODEL", help="checkpoint file; or a model's name or folder")
    parser.add_argument("target", metavar="OUT_DIR|OUT.pth.tar", help="folder of the new model; or checkpoint to write")
    parser.add_argument("--preset", metavar="P", help="configuration of the checkpoint's model (default: paper)")
    parser.add_argument(
        "--weights",
        metavar="KEY",
        help="which weights to take of a checkpoint that holds several, such as a moving average (ema)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Converts; returns the exit status."""
    source, target = Path(args.source), Path(args.target)
    if target.suffix.lower() in _SUFFIXES:
        if source.is_file():
            raise ValueError(
                f"{source} is a file, so {target} would be a model's folder: name it without {target.suffix}"
            )
        if args.preset is not None or args.weights is not None:
            raise ValueError("--preset and --weights are of checkpoints that are read: leave them out to write one")
        note = models.write_checkpoint(args.source, target)
        print_line(f"{target}: a checkpoint of {args.source}, for the released code")
    else:
        if not source.is_file():
            raise ValueError(
                f"{source}: there is no such file: give a .pth.tar checkpoint; or, to write one of a model, name an "
                "output that ends with .pth.tar"
            )
        note = models.convert_checkpoint(source, target, args.preset or "paper", args.weights)
        print_line(f"{target}: converted; use it with --model {target}")
    if note is not None:
        print_problem(f"note: {note}")
    return 0
