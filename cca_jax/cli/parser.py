"""The argument parser of every command here, and the kinds of values that several of them take."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from cca_jax.cli.console import print_problem
from cca_jax.cli.errors import EXIT_BAD_INPUT


class OneLineParser(argparse.ArgumentParser):
    """Argparse, but a mistake is answered by one line, and an option's optional value never takes an argument."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse. A bare option that may have one of a few values leaves the next word alone if it is none."""
        words = list(sys.argv[1:] if args is None else args)
        optional = {
            name: action
            for action in self._actions
            if action.nargs == "?" and action.choices is not None
            for name in action.option_strings
        }
        end = words.index("--") if "--" in words else len(words)
        for number in range(end - 1, -1, -1):
            action = optional.get(words[number])
            if action is not None and words[number + 1 : number + 2] not in [[value] for value in action.choices or ()]:
                words[number] = f"{words[number]}={action.const}"
        return super().parse_known_args(words, namespace)

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
