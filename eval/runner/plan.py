"""What is to be measured, and what came of it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

from eval.codecs.interface import ImageCodec
from eval.rate_distortion.metrics.registry import Metric
from eval.results.records import Failure, ImageRecord
from eval.results.results import Machine
from eval.runner.images import ImageSource
from eval.runner.store import Cache, Journal


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be measured, and where results are kept.

    Attributes:
        source: the images.
        codecs: the codecs, each at its settings.
        estimate: whether likelihood estimates are added for ours.
        machine: where it runs.
        journal: of this report.
        cache: for results of conventional codecs; None for none.
        time_sample: how many images are timed; None for all.
        metrics: further measures of quality.
    """

    source: ImageSource
    codecs: Sequence[ImageCodec]
    estimate: bool
    machine: Machine
    journal: Journal
    cache: Cache | None
    time_sample: int | None = None
    metrics: tuple[Metric, ...] = ()

    @functools.cached_property
    def metric_versions(self) -> dict[str, str]:
        """What computes each of them."""
        return {metric.name: metric.version() for metric in self.metrics}


@dataclasses.dataclass
class Outcome:
    """What came of it, by image, codec and setting.

    Attributes:
        records: the measurements.
        failures: what could not be measured.
        compile_seconds: by the codec's name.
        known: how many of the records were known already.
    """

    records: list[ImageRecord] = dataclasses.field(default_factory=list)
    failures: list[Failure] = dataclasses.field(default_factory=list)
    compile_seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    known: int = 0

    def add(self, codec: str, records: Sequence[ImageRecord], compile_seconds: float, known: int) -> None:
        """Takes in what a codec made of an image."""
        self.records += records
        self.compile_seconds[codec] = self.compile_seconds.get(codec, 0.0) + compile_seconds
        self.known += known
