"""The argument parser of every command here, and the kinds of values that several of them take."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

from cca_jax.cli.console import print_problem
from cca_jax.cli.errors import EXIT_BAD_INPUT


class OneLineParser(argparse.ArgumentParser):
    """Argparse, but a mistake is answered by one line."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong and where help is; leaves with status 2."""
        print_problem(f"{message} (see {self.prog} --help)")
        raise SystemExit(EXIT_BAD_INPUT)


def whole_number(least: int) -> Callable[[str], int]:
    """The `type` of an argument that is a whole number from `least`."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least}")
        return int(text)

    return parse


def add_max_pixels(parser: argparse.ArgumentParser) -> None:
    """Adds --max-pixels, for commands that code or decode images."""
    parser.add_argument(
        "--max-pixels",
        type=whole_number(1),
        metavar="N",
        help="refuse larger images before anything is computed (default: 300 million)",
    )


def names(text: str) -> list[str]:
    """The `type` of an argument that is names with commas between them, each once."""
    unique = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not unique:
        raise argparse.ArgumentTypeError(f"{text!r} names nothing")
    return unique
