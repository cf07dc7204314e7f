"""The argument parser of every command here."""

from __future__ import annotations

import argparse
from typing import NoReturn

from cca_jax.cli.console import print_problem
from cca_jax.cli.errors import EXIT_BAD_INPUT


class OneLineParser(argparse.ArgumentParser):
    """Argparse, but a mistake is answered by one line."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong and where help is; leaves with status 2."""
        print_problem(f"{message} (see {self.prog} --help)")
        raise SystemExit(EXIT_BAD_INPUT)
