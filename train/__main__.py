"""`python -m train`: parses, builds and calls."""

from __future__ import annotations

import argparse
import sys

from cca_jax.cli.console import print_json, print_line, print_problem
from cca_jax.cli.errors import EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXPECTED, describe
from cca_jax.cli.process import prepare_process
from cca_jax.compile_cache.jax_cache import keep_compiled_programs
from cca_jax.image_io.files import write_atomically
from train.recipe.options import config_of, parse
from train.run.allocator import keep_freed_memory
from train.run.interrupts import Interrupts
from train.run.memory_errors import describe_memory_error

_REMEDIES = (
    "try --accumulate, --remat, --precision bfloat16, a smaller --batch-size or, on several devices, --shard-state"
)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns the exit status: 0 at the end, 2 on bad input, 143, 130 or 124 where it was ended."""
    options = parse(arguments)
    prepare_process()
    try:
        return _compile(options) if options.compile_for is not None else _run(options)
    except KeyboardInterrupt:  # before the run itself listens
        print_problem("interrupted before the first step")
        return EXIT_INTERRUPTED
    except RuntimeError as error:
        print_problem(describe_memory_error(error, _REMEDIES))
        return EXIT_BAD_INPUT
    except EXPECTED as error:
        nameless = isinstance(error, OSError) and error.filename is None  # a full disk says nothing of where
        print_problem(describe(error, options.out if nameless else None))
        return EXIT_BAD_INPUT


def _run(options: argparse.Namespace) -> int:
    keep_freed_memory()
    interrupts = Interrupts(options.time_limit)
    # JAX must not be touched before the processes of a run are joined, and --help and typing errors need none of it.
    from train.checkpoints.checkpoints import silence_orbax
    from train.checkpoints.saved_run import CONFIG, read_config
    from train.step.mesh import join_processes, make_mesh

    silence_orbax()
    begun = options.resume and (options.out / CONFIG).is_file()
    config = config_of(options, read_config(options.out) if begun else None)
    keep_compiled_programs()
    if options.distributed or {options.coordinator, options.num_processes, options.process_id} != {None}:
        join_processes(options.coordinator, options.num_processes, options.process_id)
    from train.plan.dry_run import describe_run
    from train.run.loop import run
    from train.run.run_data import open_run_data

    mesh = make_mesh()
    with open_run_data(config, options.workers, options.data_dir, print_line) as data:
        if options.dry_run:
            print_line(describe_run(config, data.steps_per_epoch, mesh))
            return 0
        interrupts.listen()
        run(
            config, data, options.out, mesh=mesh, tell=print_line,
            resume=options.resume, init_from=options.init_from, interrupts=interrupts, profile=options.profile,
        )  # fmt: skip
    if interrupts.exit_status:
        print_line(f"stopped by {interrupts.reason}; everything is saved: continue with --resume")
    return interrupts.exit_status


def _compile(options: argparse.Namespace) -> int:
    """Compiles the run for devices that need not be there: 0 where it fits, 2 where not."""
    from train.plan.accelerators.topology import parse_topology
    from train.plan.compile_for import compile_run
    from train.plan.compile_report import compiled_values, describe_compiled, too_large

    topology = parse_topology(options.compile_for, options.num_slices)
    run = compile_run(config_of(options), topology, options.schedules)
    if options.keep_program is not None:
        write_atomically(options.keep_program, run.cost.text.encode())
    if options.json:
        print_json(compiled_values(run, options.top))
    else:
        print_line(describe_compiled(run, options.top))
    if not run.fits:
        print_problem(too_large(run))
        return EXIT_BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main())
