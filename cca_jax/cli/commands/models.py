"""`cca-jax models`: the installed models."""

from __future__ import annotations

import argparse

from cca_jax.cli.commands.info import format_qualities, model_facts
from cca_jax.cli.console import print_json, print_line, print_table
from cca_jax.cli.library import models


def add_parser(subparsers: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Adds the subcommand's arguments."""
    parser = subparsers.add_parser(
        "models",
        parents=[common],
        help="list the installed models",
        description="Lists the installed models: those that come with the package, then the model folders within the "
        "directories that CCA_JAX_MODELS lists. Each has its folder's name; --model is taken for a name first.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the table; returns the exit status."""
    facts = [model_facts(summary) for summary in models.list_models()]
    if args.json:
        print_json(facts)
    elif not facts:
        print_line("no models are installed")
    else:
        head = ("name", "identity", "parameters", "bytes", "qualities", "description")
        rows = [
            (
                model["name"],
                model["identity"],
                f"{model['parameters']:,}",
                f"{model['bytes']:,}",
                format_qualities(model["qualities"]),
                model["description"],
            )
            for model in facts
        ]
        print_table([head, *rows], numeric=(2, 3))
    return 0
