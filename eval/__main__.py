"""`python -m eval`: parses, runs, and turns what went wrong into one line and an exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cca_jax.cli.console import print_problem
from cca_jax.cli.errors import EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXPECTED, describe
from cca_jax.cli.process import prepare_process
from eval.runner.options import parse


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `python -m eval`.

    Args:
        argv: the arguments after the program's name; those of the process if None.

    Returns:
        The exit status, see `eval.runner.options`.
    """
    options = parse(argv)
    prepare_process()
    try:
        from eval.evaluate import evaluate  # needs the extra [eval]; a typing error needs none of it

        return evaluate(options)
    except KeyboardInterrupt:
        print_problem(f"interrupted: the same command continues from {options.out}")
        return EXIT_INTERRUPTED
    except EXPECTED as error:
        print_problem(describe(error))
        return EXIT_BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
