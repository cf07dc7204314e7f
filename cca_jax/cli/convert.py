"""`cca-jax convert`: a published PyTorch checkpoint to a model folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from cca_jax import install_hint
from cca_jax.cli import library
from cca_jax.cli.console import print_line


def add_parser(subparsers: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Adds the subcommand's arguments."""
    parser = subparsers.add_parser(
        "convert",
        parents=[common],
        help="convert a PyTorch checkpoint to a model folder",
        description="Converts a checkpoint of the released PyTorch code to a model folder. Needs torch "
        f"({install_hint('torch')}). Only the checkpoint's tensors are loaded; none of its code is run.",
    )
    parser.add_argument("checkpoint", metavar="CHECKPOINT.pth.tar", help="checkpoint file")
    parser.add_argument("out_dir", metavar="OUT_DIR", help="folder to write the model to")
    parser.add_argument(
        "--preset", default="paper", metavar="P", help="the model's configuration (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Converts; returns the exit status."""
    checkpoint = Path(args.checkpoint)
    if not checkpoint.is_file():
        raise ValueError(f"{checkpoint}: there is no such file: give a .pth.tar checkpoint")
    library.convert_checkpoint(checkpoint, Path(args.out_dir), args.preset)
    print_line(f"{args.out_dir}: converted; use it with --model {args.out_dir}")
    return 0
