"""Printing: results to standard output, problems and a progress bar to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


def print_line(text: str) -> None:
    """One line of a result."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def print_problem(text: str) -> None:
    """One line about a problem."""
    sys.stderr.write(f"cca-jax: {text}\n")
    sys.stderr.flush()


def print_json(value: object) -> None:
    """A result for machines."""
    print_line(json.dumps(value, indent=2))


def print_table(rows: Sequence[Sequence[str]], numeric: Sequence[int] = ()) -> None:
    """Rows of cells in aligned columns, two spaces apart; plain text, so that it survives a pipe whole.

    Args:
        rows: at least one row; all of one length.
        numeric: the columns that align to the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if i in numeric else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print_line("  ".join(cells).rstrip())


class Reporter:
    """Reports on a run through several files, over a progress bar where there is a terminal to show it.

    The bar appears on standard error, for more than one file or where one takes long. Lines for standard output still
    go there, unless both are the same terminal: then they are printed above the bar.
    """

    def __init__(self, total: int, doing: str, long: bool = False, to_stderr: bool = False) -> None:
        """Prepares a report.

        Args:
            total: how many files there are.
            doing: the word on the bar.
            long: whether a single file takes so long that it has a bar, too.
            to_stderr: whether results go to standard error, because standard output carries a file.
        """
        self._to_stderr = to_stderr
        self._total = total
        self._doing = doing
        self._long = long
        self._bar: Progress | None = None

    def __enter__(self) -> Reporter:
        if (self._total > 1 or self._long) and sys.stderr.isatty():
            from cca_jax.cli.progress import start_bar

            self._bar = start_bar(self._total, self._doing)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def line(self, text: str) -> None:
        """One line of a result."""
        if self._bar is not None and (self._to_stderr or sys.stdout.isatty()):
            self._above(text)
        elif self._to_stderr:
            sys.stderr.write(f"{text}\n")
        else:
            print_line(text)

    def problem(self, text: str) -> None:
        """One line about a problem."""
        if self._bar is not None:
            self._above(f"cca-jax: {text}")
        else:
            print_problem(text)

    def begin(self, name: str) -> None:
        """Says which file is being worked on, where they are worked on one by one."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=f"{self._doing} {name}")

    def within(self, done: int, total: int) -> None:
        """How much of the file that is being worked on is done, on a bar of its own."""
        if self._bar is not None:
            if len(self._bar.task_ids) == 1:
                self._bar.add_task("  iterations", total=total, speed="")
            self._bar.update(self._bar.task_ids[1], completed=done, total=total)

    def done(self, speed: str = "") -> None:
        """One more file is finished, well or not; how fast it goes so far."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], advance=1, speed=speed)
            for task in self._bar.task_ids[1:]:
                self._bar.remove_task(task)

    def _above(self, text: str) -> None:
        assert self._bar is not None
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
