"""Where the weights of a bundle come from: `provenance.json` beside them.

A model folder may have such a file; coding does not read it, and the model's identity does not depend on it. It holds
the fields of `Provenance`, all of them, as JSON, with the runs and the data sets as lists of objects. A field that is
not known is null.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

PROVENANCE = "provenance.json"
"""The file of a bundle."""
_FORMAT = 1
_Part = TypeVar("_Part", "DataSet", "Run")


@dataclasses.dataclass(frozen=True)
class DataSet:
    """Photographs that a model learned from.

    Attributes:
        name: as its publisher calls it.
        images: how many of it.
        terms: what its publisher allows, in a few words.
    """

    name: str
    images: int
    terms: str


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of training, which began where the run before it ended.

    Attributes:
        steps: optimiser steps whose result was kept.
        batch_size: crops a step.
        patch_size: side of a crop, pixels.
        learning_rate: its peak.
        cca: form of the CCA term: "reference", "stopped" or "off".
        command: the command line, with PHOTOS, RUN1, RUN2, … for folders; null where it was not kept.
        seed: of the run; null where it was not kept.
        note: what else tells this run from the others; may be empty.
    """

    steps: int
    batch_size: int
    patch_size: int
    learning_rate: float
    cca: str
    command: str | None
    seed: int | None
    note: str


@dataclasses.dataclass(frozen=True)
class Provenance:
    """How a model's weights were made.

    Attributes:
        identity: of the model, as hexadecimal digits.
        parent: identity of the model that the first run whose command is kept began from; null for none.
        data: the data sets.
        held_out: how many of their photographs were kept for validation.
        runs: in order.
        hours: of training, all runs together.
        device: what the hours were spent on.
        selection: what evaluation data was looked at during training, and for what.
    """

    identity: str
    parent: str | None
    data: tuple[DataSet, ...]
    held_out: int
    runs: tuple[Run, ...]
    hours: float
    device: str
    selection: str

    @property
    def steps(self) -> int:
        """Of all runs."""
        return sum(run.steps for run in self.runs)

    @property
    def crops(self) -> int:
        """Of all runs."""
        return sum(run.steps * run.batch_size for run in self.runs)

    def to_dict(self) -> dict[str, Any]:
        """The content of provenance.json."""
        return {"format": _FORMAT, **dataclasses.asdict(self)}


def read_provenance(folder: Path) -> Provenance | None:
    """The provenance of a bundle; None where its folder has no such file.

    Raises:
        ValueError: the file is not as `Provenance` describes.
        OSError: it cannot be read.
    """
    path = folder / PROVENANCE
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_text())
        if not isinstance(values, dict) or values.pop("format", None) != _FORMAT:
            raise ValueError(f"its format is not {_FORMAT}")
        values["data"] = tuple(_part(DataSet, part) for part in values["data"])
        values["runs"] = tuple(_part(Run, part) for part in values["runs"])
        return Provenance(**_complete(Provenance, values))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} cannot be used ({error}): copy or download the model again") from error


def _part(kind: type[_Part], values: Any) -> _Part:
    return kind(**_complete(kind, values))


def _complete(kind: type, values: Any) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(kind)}
    if not isinstance(values, Mapping) or set(values) != names:
        other = sorted(names.symmetric_difference(values if isinstance(values, Mapping) else ()))
        raise ValueError(f"{kind.__name__} lacks, or has beside its own: {', '.join(other)}")
    return dict(values)
