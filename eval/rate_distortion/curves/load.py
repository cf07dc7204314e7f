"""Published curves, read from this folder and checked."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, get_args

from annotated_types import Gt, MinLen
from pydantic import TypeAdapter, ValidationError, field_validator

from eval.results.records import Rate, Record

Dataset = Literal["kodak", "clic-pro-valid", "tecnick"]

DATASETS: Mapping[Dataset, int] = MappingProxyType({"kodak": 24, "clic-pro-valid": 41, "tecnick": 100})
"""Number of images: Kodak; CLIC 2020 professional, validation; Tecnick TESTIMAGES at 1200×1200."""

_FOLDER = Path(__file__).parent
_Text = Annotated[str, MinLen(1)]
_Decibels = Annotated[float, Gt(0)]


class PublishedCurve(Record):
    """The mean curve of a codec over a data set, as published.

    Attributes:
        name: the codec's usual name, with what tells it from one that is measured here.
        dataset: what it was measured on.
        metric: PSNR of RGB, mean over images, decibels.
        pixels: whether PSNR was taken of 8-bit or of unrounded decoded images.
        rate: whether bits were counted in files or estimated from likelihoods.
        source: paper or repository and file, and what exactly it is.
        points: (bits per pixel, decibels), both strictly increasing.
    """

    name: _Text
    dataset: Dataset
    metric: Literal["psnr"]
    pixels: Literal["8-bit", "float", "unstated"]
    rate: Literal["file", "estimate", "unstated"]
    source: _Text
    points: Annotated[tuple[tuple[Rate, _Decibels], ...], MinLen(1)]

    @field_validator("points")
    @classmethod
    def _increase(cls, points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        for (rate, quality), (next_rate, next_quality) in itertools.pairwise(points):
            if not (rate < next_rate and quality < next_quality):
                raise ValueError(
                    f"points must increase in both, but [{next_rate}, {next_quality}] follows [{rate}, {quality}]"
                )
        return points


_CURVES = TypeAdapter(tuple[PublishedCurve, ...])


def read_curves(folder: Path) -> tuple[PublishedCurve, ...]:
    """All curves of a folder of JSON files, each a list of curves, by file name.

    Raises:
        ValueError: a file is not a list of curves, or two curves agree in name, data set and pixels.
    """
    curves = tuple(curve for path in sorted(folder.glob("*.json")) for curve in _read(path))
    keys = [(curve.name, curve.dataset, curve.pixels) for curve in curves]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise ValueError(f"{folder}: two curves of {' '.join(twice[0])}")
    return curves


def _read(path: Path) -> tuple[PublishedCurve, ...]:
    try:
        return _CURVES.validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise ValueError(f"{path}: {place}: {first['msg']}") from error


@functools.cache
def load_curves() -> tuple[PublishedCurve, ...]:
    """All curves that come with the project."""
    return read_curves(_FOLDER)


def published_curves(dataset: str) -> tuple[PublishedCurve, ...]:
    """One curve of each codec on a data set: that of 8-bit images where there is a choice, as is measured here.

    Raises:
        ValueError: no such data set.
    """
    if dataset not in get_args(Dataset):
        raise ValueError(f"no curves of data set {dataset!r}: there are {', '.join(DATASETS)}")
    chosen: dict[str, PublishedCurve] = {}
    for curve in load_curves():
        if curve.dataset == dataset and (curve.name not in chosen or curve.pixels == "8-bit"):
            chosen[curve.name] = curve
    return tuple(chosen.values())


def identify_dataset(name: str, count: int) -> Dataset | None:
    """The data set that a folder holds, by its name and number of images; None where that is none of `DATASETS`.

    A part of a data set, or one with images added, has other means: it is not that data set.
    """
    for dataset, images in DATASETS.items():
        if count == images and dataset.partition("-")[0] in name.lower():
            return dataset
    return None
