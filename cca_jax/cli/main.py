"""Parses the command line, calls a subcommand, and turns expected errors into one line and an exit status."""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import os
import sys
from collections.abc import Sequence

from cca_jax.cli.commands import compress, convert, decompress, export, info, models
from cca_jax.cli.console import print_problem
from cca_jax.cli.errors import EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXPECTED, describe
from cca_jax.cli.parser import OneLineParser
from cca_jax.cli.process import prepare_process

_SUBCOMMANDS = (compress, decompress, info, models, convert, export)


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; the parsed arguments hold the subcommand's handler as `run`."""
    parser = OneLineParser(
        prog="cca-jax",
        description="Compresses photos with the CCA learned image codec, and restores them.",
        epilog="Exit status: 0 on success, 2 on bad input (one line on standard error says what is wrong).",
    )
    parser.add_argument("--version", action="version", version=f"cca-jax {_version()}")
    # The same option before or after the subcommand; SUPPRESS keeps the inner default from undoing the outer value.
    everywhere = argparse.ArgumentParser(add_help=False)
    everywhere.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show the traceback of an error"
    )
    parser.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in _SUBCOMMANDS:
        module.add_parser(subparsers, everywhere)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `cca-jax`.

    Args:
        argv: the arguments after the program's name; those of the process if None.

    Returns:
        The exit status: 0 success, 2 bad input, 130 interrupted, 1 where standard output was closed early.
    """
    for stream in (sys.stdout, sys.stderr):
        # A file name that the terminal's encoding lacks must not fail the file.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    args = build_parser().parse_args(argv)
    prepare_process()
    try:
        status = args.run(args)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print_problem("interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # As `cca-jax info FILE | head` does. Python flushes standard output once more at exit, where nobody listens.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except EXPECTED as error:
        if args.debug:
            raise
        print_problem(describe(error))
        return EXIT_BAD_INPUT


def _version() -> str:
    try:
        return importlib.metadata.version("cca_jax")
    except importlib.metadata.PackageNotFoundError:
        return "(run from a checkout, not installed)"
