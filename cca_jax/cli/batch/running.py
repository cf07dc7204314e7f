"""A command over its files: side by side, continued where an earlier one ended; one bad file does not stop the rest."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cca_jax.bulk.cluster import Job, connect, run_on_cluster
from cca_jax.bulk.journal import Journal, Record
from cca_jax.bulk.meter import Meter
from cca_jax.bulk.pipeline import Outcome, Threads, run, run_in_turn
from cca_jax.bulk.storage import streams
from cca_jax.bulk.summary import DONE, FAILED, KNOWN, Summary
from cca_jax.bulk.work import Continued, Item, Work, settings_digest
from cca_jax.cli.console import Reporter
from cca_jax.cli.errors import EXIT_BAD_INPUT, EXPECTED, describe
from cca_jax.cli.library.image_codec import ImageCodec
from cca_jax.cli.parser import whole_number
from cca_jax.cli.process import quiet_ray

_MOST_THREADS = 16  # XLA divides an image's work by the cores too
_BATCHES_AT_ONCE = 3
_NO_PART_OF_OUTPUTS = frozenset(
    {
        "command",
        "debug",
        "files",
        "force",
        "images",
        "max_pixels",
        "model",
        "output",
        "overwrite",
        "ray",
        "recursive",
        "run",
        "summary",
        "workers",
    }
)
"""Options that change no output; any other does, until it is named here. A model counts by its identity."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of a command over many files."""
    many = parser.add_argument_group("many files")
    where = many.add_mutually_exclusive_group()
    where.add_argument(
        "--workers",
        type=whole_number(0),
        metavar="N",
        help="files that are coded at once (default: one a core, as memory allows); 0 does one step after the other",
    )
    where.add_argument(
        "--ray",
        metavar="ADDRESS|local",
        help="on the machines of a Ray cluster, which all see the inputs and outputs; local starts one of this machine",
    )
    many.add_argument(
        "--recursive", action="store_true", help="take folders at any depth; -o gets the same folders within it"
    )
    many.add_argument(
        "--overwrite",
        action="store_true",
        help="make anew what an earlier run of the same command made of the same input; it is skipped else",
    )
    many.add_argument(
        "--summary", metavar="FILE.jsonl", help="write a line for each input: output, status, bytes, bits per pixel"
    )


@dataclasses.dataclass(frozen=True)
class Command:
    """A command over its files.

    Attributes:
        items: what to make.
        journal: whether what is done is noted in the folders of the outputs, and skipped another time.
        make_work: makes what is done with each; it can be pickled where the work is done on other machines.
        codec: the model; None where the inputs name theirs.
        line: what is printed of an output, from its facts.
        args: the parsed command line.
    """

    items: Sequence[Item]
    journal: bool
    make_work: Callable[[], Work]
    codec: ImageCodec | None
    line: Callable[[Item, dict[str, Any]], str]
    args: argparse.Namespace

    def run(self, reporter: Reporter) -> int:
        """Makes the outputs; returns the exit status: 2 where any could not be made."""
        journal = functools.cache(Journal) if self.journal else None
        with Summary(self.args.summary) as summary, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's: its reader says so for each file, which is no use in threads
            meter, outcomes = self._outcomes(journal)
            for outcome in outcomes:
                if outcome.error is None and outcome.value.made is not None and not outcome.value.known:
                    assert journal is not None, "only a journal makes records"
                    journal(outcome.item.folder).put([outcome.value.made])
                self._tell(outcome, reporter, summary, meter)
            if summary.counts[KNOWN] or self.args.summary:
                reporter.problem(f"{summary}; {meter}" if meter.images else str(summary))
            return EXIT_BAD_INPUT if summary.counts[FAILED] else 0

    def _settings(self) -> str:
        options = {name: value for name, value in vars(self.args).items() if name not in _NO_PART_OF_OUTPUTS}
        return settings_digest(self.args.command, None if self.codec is None else self.codec.identity, options)

    def _outcomes(self, journal: Callable[[str], Journal] | None) -> tuple[Meter, Iterator[Outcome[Item]]]:
        args, expected = self.args, () if self.args.debug else EXPECTED

        def find_record(item: Item) -> Record | None:
            return None if journal is None else journal(item.folder).lookup(item.name)

        if args.ray is not None:
            with quiet_ray():
                ray = connect(args.ray)
            job = Job(self.make_work, self._settings(), args.overwrite, expected, describe)
            return Threads().meter(), run_on_cluster(ray, self.items, job, find_record)
        work = self.make_work()
        stages = Continued(work, self._settings(), None if journal is None else find_record, args.overwrite)
        if len(self.items) == 1 or args.workers == 0:
            meter = Threads().meter()
            return meter, run_in_turn(self.items, stages, meter, expected)
        threads = _threads(args.workers, work.batch_size)
        meter = threads.meter()
        work.tell_parts = meter.add_parts
        return meter, run(self.items, stages, threads, meter, expected)

    def _tell(self, outcome: Outcome[Item], reporter: Reporter, summary: Summary, meter: Meter) -> None:
        item, result = outcome.item, outcome.value
        if outcome.error is not None:
            text = describe(outcome.error, streams.title(item.source))
            reporter.problem(text)
            summary.add(item.source, item.target, FAILED, error=text)
        else:
            if not result.known:
                meter.done(1, result.input_bytes)
            for text in result.facts.get("notes", ()) if not result.known else ():
                reporter.problem(f"{streams.title(item.source)}: warning: {text}")
            reporter.line(self.line(item, result.facts) + ("  (done before)" if result.known else ""))
            summary.add(item.source, item.target, KNOWN if result.known else DONE, **result.facts)
        reporter.done(str(meter))


def _threads(workers: int | None, batch: int) -> Threads:
    from cca_jax.bulk.memory import pixels_at_once
    from cca_jax.compile_cache.cores import usable_cores

    cores = min(usable_cores(), _MOST_THREADS)
    if batch > 1:  # an accelerator: one batch is coded by the host while another is computed
        coders = _BATCHES_AT_ONCE if workers is None else workers
        return Threads(readers=cores, coders=coders, writers=-(-cores // 2), batch=batch)
    coders = cores if workers is None else workers
    return Threads(readers=-(-coders // 4), coders=coders, writers=-(-coders // 4), pixels=pixels_at_once())
