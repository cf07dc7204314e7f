"""One or many input files: where each one's output goes, and a run in which one bad file does not stop the rest."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cca_jax.cli.console import Reporter
from cca_jax.cli.errors import EXIT_BAD_INPUT, EXPECTED, describe


@dataclass(frozen=True)
class Job:
    """One file to make from another."""

    source: Path
    target: Path


def plan(paths: Sequence[str], inputs: Sequence[Path], output: str | None, suffix: str) -> list[Job]:
    """Decides where every output goes, before anything is read or written.

    Args:
        paths: those on the command line.
        inputs: the files they stand for; what is named twice is done once.
        output: the -o option: a file for a single input, a folder (made when needed) for several or for a folder.
        suffix: what replaces an input's suffix where no output file is named, with its dot.

    Returns:
        The jobs in the order of `inputs`.

    Raises:
        ValueError: an output would replace an input, two outputs would be one file, or -o is not a folder where one is
            needed.
    """
    unique = {os.path.realpath(path): path for path in reversed(inputs)}
    sources = [path for path in inputs if unique.get(os.path.realpath(path)) is path]
    several = len(sources) > 1 or any(Path(path).is_dir() for path in paths)
    jobs = [Job(source, _target(source, output, several, suffix)) for source in sources]
    taken: dict[str, Path] = {}
    for job in jobs:
        real = os.path.realpath(job.target)
        if real in unique:
            raise ValueError(f"{job.target}: is an input and would be overwritten: name another output with -o")
        if real in taken:
            raise ValueError(
                f"{job.target}: {taken[real]} and {job.source} would both be written to it: do them one by one with -o"
            )
        taken[real] = job.source
    return jobs


def _target(source: Path, output: str | None, several: bool, suffix: str) -> Path:
    name = source.with_suffix(suffix).name
    if output is None:
        return source.with_name(name)
    folder = Path(output)
    if several and not folder.is_dir() and (folder.exists() or folder.suffix.lower() == suffix):
        raise ValueError(f"{output}: -o must name a folder when several files or a folder are given")
    if several or folder.is_dir() or output.endswith(("/", os.sep)):
        return folder / name
    return folder


def make_folders(jobs: Sequence[Job], output: str | None) -> None:
    """Makes the -o folder, where -o names one.

    Raises:
        OSError: it cannot be made.
    """
    if output is not None and any(job.target.parent == Path(output) for job in jobs):
        Path(output).mkdir(parents=True, exist_ok=True)


def run(jobs: Sequence[Job], work: Callable[[Job, Reporter], str], doing: str, debug: bool, long: bool = False) -> int:
    """Works through the jobs.

    Args:
        jobs: what to do.
        work: does one job and returns its line for standard output. An expected error fails that job alone; a job that
            fails must have left no output.
        doing: the word on the progress bar.
        debug: lets the first error through, with its traceback.
        long: whether a single job takes so long that it has a bar, too.

    Returns:
        The exit status: 2 where any job failed.
    """
    failed = 0
    with Reporter(len(jobs), doing, long) as reporter:
        for job in jobs:
            reporter.begin(job.source.name)
            try:
                line = work(job, reporter)
            except EXPECTED as error:
                if debug:
                    raise
                failed += 1
                reporter.problem(describe(error, job.source))
            else:
                reporter.line(line)
            reporter.done()
    return EXIT_BAD_INPUT if failed else 0
