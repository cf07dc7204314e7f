"""What an experiment has measured so far: results.json, from which tables and plots are drawn."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from cca_jax.image_io.files import write_atomically

FILE_NAME = "results.json"
_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class RunResult:
    """One variant trained with one seed.

    Attributes:
        variant: its name.
        seed: of the run.
        config: `TrainConfig.to_dict` of the run.
        init_from: what it began from; None for its own first parameters.
        loss: of the last validation, the objective without auxiliary terms.
        rates: bits per pixel at each of the model's rates, means over the held-out photos.
        psnrs: dB, likewise.
        seconds_per_step: the median of its logged lines.
        device: what it ran on.
        of_files: whether rates are those of real files.
        photos: how many were measured.
    """

    variant: str
    seed: int
    config: dict[str, Any]
    init_from: str | None
    loss: float
    rates: list[float]
    psnrs: list[float]
    seconds_per_step: float | None
    device: str
    of_files: bool
    photos: int

    @property
    def points(self) -> list[tuple[float, float]]:
        """(rate, PSNR) of each rate."""
        return list(zip(self.rates, self.psnrs, strict=True))


@dataclasses.dataclass(frozen=True)
class Results:
    """An experiment.

    Attributes:
        variants: names, the first of which the others are compared with.
        seeds: of the runs.
        runs: those that are done.
    """

    variants: list[str]
    seeds: list[int]
    runs: list[RunResult]

    def of(self, variant: str) -> list[RunResult]:
        """The runs of a variant that are done, by seed."""
        found = (run for run in self.runs if run.variant == variant and run.seed in self.seeds)
        return sorted(found, key=lambda run: run.seed)

    def save(self, folder: Path) -> None:
        """Writes the file, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        values = {"format": _FORMAT, **dataclasses.asdict(self)}
        write_atomically(folder / FILE_NAME, (json.dumps(values, indent=1) + "\n").encode())


def read_results(folder: Path) -> Results:
    """What a folder's file says.

    Raises:
        ValueError: there is none, or it holds something else.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise ValueError(f"{folder} holds no experiment: there is no {FILE_NAME} in it")
    try:
        values = json.loads(path.read_text())
        if values.pop("format") != _FORMAT:
            raise ValueError("it is of another format")
        return Results(**{**values, "runs": [RunResult(**run) for run in values["runs"]]})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} holds no results of an experiment: {error}") from error
