"""`python -m train.compare A.json B.json …`: parses, builds and calls."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cca_jax.cli.console import print_line, print_problem
from cca_jax.cli.errors import EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXPECTED, describe
from cca_jax.cli.parser import OneLineParser, whole_number
from cca_jax.cli.process import prepare_process
from cca_jax.compile_cache.jax_cache import keep_compiled_programs
from cca_jax.image_io.files import write_atomically
from train.compare.results import Results, read_results
from train.compare.variants import read_variants
from train.recipe.options import add_recipe, add_run
from train.run.allocator import keep_freed_memory
from train.run.interrupts import Interrupts
from train.run.memory_errors import describe_memory_error

_TABLE = "table.md"


def parser() -> OneLineParser:
    """The options: those of `python -m train`, for all variants, and a few of an experiment."""
    options = OneLineParser(
        prog="python -m train.compare",
        description="Trains variants of a run on the same crops with the same noise, measures each at its rates on "
        "held-out photos, and compares the others with the first. A variant is a JSON file of options of python -m "
        'train, such as {"cca": "off"} or {"model": {"scale_source": "context_exact"}}. The same command again goes on '
        "where it ended; without variants it draws the table and the plot anew.",
        allow_abbrev=False,
    )
    options.add_argument("variants", nargs="*", type=Path, metavar="VARIANT.json")
    options.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the experiment")
    options.add_argument("--seeds", type=whole_number(1), default=3, metavar="N", help="runs of each variant (3)")
    options.add_argument("--files", action="store_true", help="measure real files of whole photos, not likelihoods")
    add_run(options)
    add_recipe(options)
    return options


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns the exit status: 0 at the end, 2 on bad input, 143, 130 or 124 where it was ended."""
    options = parser().parse_args(arguments)
    prepare_process()
    try:
        if not options.variants:
            _show(read_results(options.out), options.out)
            return 0
        return _compare(options)
    except KeyboardInterrupt:  # before the runs listen
        print_problem("interrupted before the first step")
        return EXIT_INTERRUPTED
    except RuntimeError as error:
        print_problem(describe_memory_error(error, "try --precision bfloat16 or a smaller --batch-size"))
        return EXIT_BAD_INPUT
    except EXPECTED as error:
        print_problem(describe(error))
        return EXIT_BAD_INPUT


def _compare(options: argparse.Namespace) -> int:
    if options.data is None or (options.steps is None and options.epochs is None):
        raise ValueError("the following arguments are required: --data, and --steps or --epochs")
    if len(options.variants) < 2:
        raise ValueError("one variant alone: give at least two, the first of which the others are compared with")
    keep_freed_memory()
    interrupts = Interrupts(options.time_limit)
    from train.checkpoints.checkpoints import silence_orbax
    from train.compare.experiment import carry_out, left, plan_runs
    from train.run.run_data import open_run_data
    from train.step.mesh import make_mesh

    silence_orbax()
    first = options.seed or 0
    planned = plan_runs(read_variants(options.variants), options, range(first, first + options.seeds))
    keep_compiled_programs()
    mesh = make_mesh()
    with open_run_data(planned[0].config, options.workers, options.data_dir, print_line) as data:
        if planned[0].config.photos_on_device:
            data.on_device(mesh)
        interrupts.listen()
        results = carry_out(planned, data, options.out, mesh, interrupts, print_line, options.files)
    if results.runs:
        _show(results, options.out)
    if interrupts.exit_status and left(planned, results):
        print_line(f"stopped by {interrupts.reason}; everything is saved: give the same command to go on")
        return interrupts.exit_status
    return 0


def _show(results: Results, out: Path) -> None:
    """Writes and prints the table, and draws the plot where it can be drawn."""
    from train.compare.plots import plot
    from train.compare.tables import markdown

    table = markdown(results)
    write_atomically(out / _TABLE, table.encode())
    print_line(table)
    try:
        plot(results, out)
    except ImportError as error:
        print_problem(str(error))


if __name__ == "__main__":
    sys.exit(main())
