"""Many items through three stages that overlap: read, code, write.

Each stage has threads of its own. Reading, XLA's programs, the range coders and Pillow leave Python's lock, so that
threads are enough. No stage runs further ahead of the next than a few items: memory does not grow with their number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Generic, Protocol, TypeVar

from cca_jax.bulk.lookahead import lookahead
from cca_jax.bulk.meter import CODING, READING, WRITING, Meter

Item = TypeVar("Item")
Taken = TypeVar("Taken", contravariant=True)
Errors = tuple[type[BaseException], ...]


@dataclasses.dataclass(frozen=True)
class Outcome(Generic[Item]):
    """What came of an item.

    Attributes:
        item: the item.
        value: of the last stage; None where one failed.
        error: why it failed; None where none did.
    """

    item: Item
    value: Any = None
    error: BaseException | None = None


class Stages(Protocol[Taken]):
    """What is done with each item; methods are called from several threads."""

    def read(self, item: Taken) -> Any:
        """Fetches what `code` needs."""

    def pixels(self, loaded: Any) -> int:
        """How many pixels are computed at once to code it."""

    def group(self, loaded: Any) -> Hashable | None:
        """What items that may be coded in one call have in common; None for an item that is coded alone."""

    def code(self, loaded: Sequence[Any]) -> Sequence[Any]:
        """Computes the results of one or several items of one group."""

    def write(self, item: Taken, coded: Any) -> Any:
        """Puts a result where it belongs; returns what is to be said of it."""

    def stop(self) -> None:
        """No more results are wanted: what still runs may end with any error."""


@dataclasses.dataclass(frozen=True)
class Threads:
    """How much is done at once.

    Attributes:
        readers: threads that read.
        coders: threads that code.
        writers: threads that write.
        batch: items that a call of `code` gets at most.
        pixels: that are coded at once, unless a single call has more.
    """

    readers: int = 1
    coders: int = 1
    writers: int = 1
    batch: int = 1
    pixels: int = 1 << 62

    def meter(self) -> Meter:
        """A meter of these stages."""
        return Meter({READING: self.readers, CODING: self.coders, WRITING: self.writers})


def run(
    items: Iterable[Item], stages: Stages[Item], threads: Threads, meter: Meter, expected: Errors
) -> Iterator[Outcome[Item]]:
    """Takes every item through the stages.

    Args:
        items: taken as they are needed.
        stages: what is done.
        threads: of each stage.
        meter: counts what the stages take.
        expected: errors that fail an item alone. Any other ends the run.

    Returns:
        What came of each, in the order of the items, or with batches in the order of their last items. Leaving the
        iteration early stops what has not begun, and waits for what has.
    """

    def read(item: Item) -> Outcome[Item]:
        with meter.stage(READING):
            return _attempt(item, lambda: stages.read(item), expected)

    def code(group: list[Outcome[Item]]) -> list[Outcome[Item]]:
        with meter.stage(CODING):
            return _code(group, stages, expected)

    def write(coded: Outcome[Item]) -> Outcome[Item]:
        with meter.stage(WRITING):
            return _write(coded, stages, expected)

    def weight(group: list[Outcome[Item]]) -> int:
        return sum(stages.pixels(outcome.value) for outcome in group if outcome.error is None)

    with ExitStack() as stack:
        reader, coder, writer = (
            stack.enter_context(ThreadPoolExecutor(count, name))
            for name, count in ((READING, threads.readers), (CODING, threads.coders), (WRITING, threads.writers))
        )
        loaded = lookahead(reader, read, items, threads.batch + threads.readers)
        stack.callback(loaded.close)  # type: ignore[attr-defined]  # a generator
        grouped = _grouped(loaded, stages, threads.batch)
        groups = lookahead(coder, code, grouped, 2 * threads.coders, weight, threads.pixels)
        stack.callback(groups.close)  # type: ignore[attr-defined]
        coded = (outcome for group in groups for outcome in group)
        stack.callback(stages.stop)
        yield from lookahead(writer, write, coded, 2 * threads.writers)


def run_in_turn(items: Iterable[Item], stages: Stages[Item], meter: Meter, expected: Errors) -> Iterator[Outcome[Item]]:
    """As `run`, one step after the other in the thread that asks, which an interruption ends at once."""
    for item in items:
        with meter.stage(READING):
            loaded = _attempt(item, lambda item=item: stages.read(item), expected)  # type: ignore[misc]
        with meter.stage(CODING):
            (coded,) = _code([loaded], stages, expected)
        with meter.stage(WRITING):
            yield _write(coded, stages, expected)


def _grouped(loaded: Iterable[Outcome[Item]], stages: Stages[Item], batch: int) -> Iterator[list[Outcome[Item]]]:
    """Outcomes by what they have in common, up to `batch` of them; no more than four batches are held back."""
    groups: dict[Hashable, list[Outcome[Item]]] = {}
    for outcome in loaded:
        key = None if outcome.error is not None or batch == 1 else stages.group(outcome.value)
        if key is None:
            yield [outcome]
            continue
        groups.setdefault(key, []).append(outcome)
        if len(groups[key]) == batch:
            yield groups.pop(key)
        elif sum(map(len, groups.values())) >= 4 * batch:
            yield groups.pop(max(groups, key=lambda one: len(groups[one])))
    yield from groups.values()


def _code(group: list[Outcome[Item]], stages: Stages[Item], expected: Errors) -> list[Outcome[Item]]:
    if group[0].error is not None:
        return group
    try:
        values = stages.code([outcome.value for outcome in group])
        return [Outcome(outcome.item, value) for outcome, value in zip(group, values, strict=True)]
    except expected as error:
        if len(group) == 1:
            return [Outcome(group[0].item, error=error)]
    # One of them failed, or all together are too large: each by itself.
    return [result for outcome in group for result in _code([outcome], stages, expected)]


def _write(coded: Outcome[Item], stages: Stages[Item], expected: Errors) -> Outcome[Item]:
    if coded.error is not None:
        return coded
    return _attempt(coded.item, lambda: stages.write(coded.item, coded.value), expected)


def _attempt(item: Item, work: Callable[[], Any], expected: Errors) -> Outcome[Item]:
    try:
        return Outcome(item, work())
    except expected as error:
        return Outcome(item, error=error)
