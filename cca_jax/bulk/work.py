"""A direction of the codec over many files, continued where an earlier run ended.

`Work` is what is done with one file; `Continued` makes it the stages of a pipeline and leaves out what the journal
knows to be done. Whoever runs the pipeline puts what was made into the journal.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import cca_jax
from cca_jax.bulk.journal import Record, Stamp
from cca_jax.bulk.storage import places, stores


@dataclasses.dataclass(frozen=True)
class Item:
    """A file to make of another.

    Attributes:
        source: the place of the input.
        folder: of the outputs, where the journal is.
        name: of the output within the folder, with "/" between folders.
    """

    source: str
    folder: str
    name: str

    @property
    def target(self) -> str:
        """The place of the output."""
        return stores.join(self.folder, self.name)


class Work(Protocol):
    """What is done with each file; methods are called from several threads.

    Attributes:
        batch_size: how many files `code` takes at once, at most.
        tell_parts: takes the seconds of the parts of `code`, if it is wanted.
    """

    batch_size: int

    tell_parts: Callable[[Mapping[str, float]], None] | None

    def fetch(self, item: Item) -> bytes:
        """The input's content."""

    def load(self, item: Item, data: bytes) -> Any:
        """What `code` needs of it."""

    def pixels(self, loaded: Any) -> int:
        """How many pixels are computed at once to code it."""

    def group(self, loaded: Any) -> Hashable | None:
        """What files that may be coded in one call have in common; None for one that is coded alone."""

    def code(self, loaded: Sequence[Any]) -> Sequence[Any]:
        """Computes the results of files of one group."""

    def render(self, item: Item, coded: Any) -> tuple[bytes, dict[str, Any]]:
        """The output's content, and what is to be said of it, in the types that JSON has."""

    def stop(self) -> None:
        """No more results are wanted: what still runs may end with any error."""


class Result(NamedTuple):
    """An output that is there.

    Attributes:
        facts: what `Work.render` said of it, now or when it was made.
        known: whether an earlier run made it.
        made: its record, for whoever keeps the journal; None where there is none.
        input_bytes: that were read.
    """

    facts: dict[str, Any]
    known: bool
    made: Record | None
    input_bytes: int


class _Fetched(NamedTuple):
    loaded: Any
    stamp: Stamp | None
    size: int


class _Coded(NamedTuple):
    value: Any
    stamp: Stamp | None
    size: int


class Continued:
    """Work as the stages of a pipeline."""

    def __init__(
        self, work: Work, settings: str, find_record: Callable[[Item], Record | None] | None, redo: bool
    ) -> None:
        """Binds it.

        Args:
            work: what is done.
            settings: a digest of all that decides an output besides its input (`settings_digest`).
            find_record: what the journal says of an output; None where there is no journal, and no records are made.
            redo: whether to make anew what is done.
        """
        self._work, self._settings, self._find_record, self._redo = work, settings, find_record, redo

    def read(self, item: Item) -> _Fetched | Result:
        """See `pipeline.Stages`."""
        if self._find_record is not None and not self._redo:
            record = self._find_record(item)
            if record is not None and record.holds(item.folder, self._settings, item.source):
                return Result(record.facts, True, record, 0)
        # Before it is read: what is written meanwhile is then another version.
        state = None if self._find_record is None else places.state(item.source)
        data = self._work.fetch(item)
        stamp = None if state is None else Stamp.of(item.source, data, state)
        return _Fetched(self._work.load(item, data), stamp, len(data))

    def pixels(self, loaded: _Fetched | Result) -> int:
        """See `pipeline.Stages`."""
        return 0 if isinstance(loaded, Result) else self._work.pixels(loaded.loaded)

    def group(self, loaded: _Fetched | Result) -> Hashable | None:
        """See `pipeline.Stages`."""
        return None if isinstance(loaded, Result) else self._work.group(loaded.loaded)

    def code(self, loaded: Sequence[_Fetched | Result]) -> Sequence[_Coded | Result]:
        """See `pipeline.Stages`."""
        first = loaded[0]
        if isinstance(first, Result):  # which is in a group of its own
            return [first]
        fetched = [one for one in loaded if isinstance(one, _Fetched)]
        values = self._work.code([one.loaded for one in fetched])
        return [_Coded(value, one.stamp, one.size) for value, one in zip(values, fetched, strict=True)]

    def write(self, item: Item, coded: _Coded | Result) -> Result:
        """See `pipeline.Stages`."""
        if isinstance(coded, Result):
            return coded
        data, facts = self._work.render(item, coded.value)
        if "/" in item.name:
            stores.make_folder(stores.parent(item.target))
        stores.write(item.target, data)
        if self._find_record is None or coded.stamp is None:
            return Result(facts, False, None, coded.size)
        record = Record(item.name, self._settings, coded.stamp, Stamp.of(item.target, data), facts)
        return Result(facts, False, record, coded.size)

    def stop(self) -> None:
        """See `pipeline.Stages`."""
        self._work.stop()


def settings_digest(direction: str, model: bytes | None, options: Mapping[str, Any]) -> str:
    """A digest of all that decides an output besides its input: this version of the library among it.

    Args:
        direction: what is done.
        model: the identity of the model; None where the input names it.
        options: of the command, in types that JSON has or that `repr` tells apart.
    """
    parts = [cca_jax.__version__, direction, None if model is None else model.hex(), dict(options)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=repr).encode()).hexdigest()[:32]
