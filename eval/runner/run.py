"""A run over images, codecs and settings: continued where it was interrupted, and not stopped by what is broken."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cca_jax.bulk import pipeline
from cca_jax.bulk.pipeline import Threads
from cca_jax.cli.console import Reporter
from cca_jax.cli.errors import EXPECTED, describe
from cca_jax.compile_cache.cores import usable_cores
from eval.codecs.interface import CodecError, ImageCodec
from eval.results.records import Failure, ImageRecord
from eval.runner.images import LoadedImage, digest, evenly_spaced
from eval.runner.measure import measure, measure_untimed
from eval.runner.plan import Outcome, Plan
from eval.runner.store import Entry, entry_key


def run(plan: Plan) -> Outcome:
    """Measures what is not known yet; a line for each image and codec goes to standard output.

    Images of the time sample are measured one at a time, and then the others side by side. An image that cannot be read
    is reported once. A codec that fails on an image has no record of it at any setting, so that the points of its mean
    curve are of the same images.

    Raises:
        OSError: a measurement cannot be kept.
    """
    numbers = range(len(plan.source.names))
    sample = list(numbers) if plan.time_sample is None else evenly_spaced(numbers, plan.time_sample)
    others = sorted(set(numbers) - set(sample))
    with tempfile.TemporaryDirectory() as scratch, Reporter(len(numbers), "measuring") as reporter:
        going = _Run(plan, reporter, Path(scratch) / "coded")
        for index in sample:
            going.through(index)
            reporter.done()
        threads = Threads(coders=usable_cores())
        meter = threads.meter()
        for outcome in pipeline.run(others, Untimed(going), threads, meter, EXPECTED):
            meter.done(1, 0)
            if outcome.error is not None:
                going.fail(Failure(image=plan.source.names[outcome.item], reason=describe(outcome.error)))
            else:
                going.tell(*outcome.value)
            reporter.done(str(meter))
        order = {name: number for number, name in enumerate(plan.source.names)}
        if others:
            going.outcome.records.sort(key=lambda record: order[record.image])
        return going.outcome


class Measured(NamedTuple):
    """What a codec made of an image.

    Attributes:
        codec: its name.
        entries: at each of its settings; none where it failed.
        known: how many of them were known.
        failure: why it failed.
    """

    codec: str
    entries: Sequence[Entry]
    known: int
    failure: Failure | None


class Untimed:
    """Images through all codecs, as the stages of a pipeline; an item is an image's number."""

    def __init__(self, going: _Run) -> None:
        self._going = going

    def read(self, item: int) -> tuple[LoadedImage, str]:
        """The image and its digest."""
        return self._going.load(item)

    def pixels(self, loaded: tuple[LoadedImage, str]) -> int:
        """Of the image."""
        height, width = loaded[0].pixels.shape[:2]
        return height * width

    def group(self, loaded: tuple[LoadedImage, str]) -> None:
        """None: each image by itself."""

    def code(self, loaded: Sequence[tuple[LoadedImage, str]]) -> list[tuple[LoadedImage, list[Measured]]]:
        """What the codecs make of it."""
        return [
            (image, [self._going.measured(image, content, codec, timed=False) for codec in self._going.plan.codecs])
            for image, content in loaded
        ]

    def write(self, item: int, coded: tuple[LoadedImage, list[Measured]]) -> tuple[LoadedImage, list[Measured]]:
        """Nothing: every entry was kept when it was made."""
        return coded

    def stop(self) -> None:
        """An image takes seconds."""


class _Run:
    def __init__(self, plan: Plan, reporter: Reporter, file: Path) -> None:
        self.plan = plan
        self._reporter, self._file = reporter, file
        self._warm: set[str] = set()
        self._keeping = threading.Lock()
        self.outcome = Outcome()

    def through(self, index: int) -> None:
        """Measures an image with times."""
        name = self.plan.source.names[index]
        self._reporter.begin(name)
        try:
            image, content = self.load(index)
        except EXPECTED as error:
            self.fail(Failure(image=name, reason=describe(error)))
            return
        self._warn(image)
        for codec in self.plan.codecs:
            self._reporter.begin(f"{name} with {codec.name}")
            self._tell_codec(image, self.measured(image, content, codec, timed=True))

    def load(self, index: int) -> tuple[LoadedImage, str]:
        """An image and its digest."""
        image = self.plan.source.load(index)
        return image, digest(image.pixels)

    def measured(self, image: LoadedImage, content: str, codec: ImageCodec, timed: bool) -> Measured:
        """What a codec makes of an image at its settings; from any thread where it is not timed."""
        entries: list[Entry] = []
        known = 0
        for setting in codec.settings:
            estimate = self.plan.estimate and codec.kind == "ours"
            named = (content, codec, setting, estimate, self.plan.machine)
            key = entry_key(*named, timed, self.plan.metric_versions)
            entry = self._find(key, codec)
            if entry is None and not timed:  # what was timed says all that is asked here
                entry = self._find(entry_key(*named, metrics=self.plan.metric_versions), codec)
            known += entry is not None
            if entry is None:
                try:
                    record, compiling = self._measure(codec, image, setting, estimate, timed)
                except (CodecError, *EXPECTED) as error:
                    reason = describe(error)
                    failure = Failure(image=image.name, reason=reason, codec=codec.name, setting=setting)
                    return Measured(codec.name, (), 0, failure)
                entry = Entry(key=key, record=record, compile_seconds=compiling)
                self._keep(entry, codec)
            entries.append(entry)
        return Measured(codec.name, entries, known, None)

    def tell(self, image: LoadedImage, measured: Sequence[Measured]) -> None:
        """Takes in what all codecs made of an image."""
        self._warn(image)
        for one in measured:
            self._tell_codec(image, one)

    def _warn(self, image: LoadedImage) -> None:
        for note in image.notes:
            self._reporter.problem(f"{image.name}: warning: {note}")

    def _tell_codec(self, image: LoadedImage, measured: Measured) -> None:
        if measured.failure is not None:
            self.fail(measured.failure)
            return
        records = [entry.record.model_copy(update={"image": image.name}) for entry in measured.entries]
        compiling = sum(entry.compile_seconds for entry in measured.entries)
        self.outcome.add(measured.codec, records, compiling, measured.known)
        self._reporter.line(_line(records, measured.known))

    def _measure(
        self, codec: ImageCodec, image: LoadedImage, setting: float, estimate: bool, timed: bool
    ) -> tuple[ImageRecord, float]:
        if not timed:
            return measure_untimed(codec, image, setting, estimate, self.plan.metrics), 0.0
        if codec.kind == "conventional" and not codec.external and codec.name not in self._warm:
            measure(codec, image, setting, self._file)  # a library's first call also loads it
            self._warm.add(codec.name)
        return measure(codec, image, setting, self._file, estimate, self.plan.metrics)

    def _find(self, key: str, codec: ImageCodec) -> Entry | None:
        measured = self.plan.journal.get(key)
        if measured is None and self.plan.cache is not None and codec.kind == "conventional":
            measured = self.plan.cache.get(key)
        return measured

    def _keep(self, entry: Entry, codec: ImageCodec) -> None:
        with self._keeping:
            self.plan.journal.put(entry)
            if self.plan.cache is not None and codec.kind == "conventional":
                self.plan.cache.put(entry)

    def fail(self, failure: Failure) -> None:
        """Says what could not be measured, and why."""
        self.outcome.failures.append(failure)
        where = failure.image if failure.codec is None else f"{failure.image}: {failure.codec}"
        text = failure.reason if failure.image in failure.reason else f"{where}: {failure.reason}"
        self._reporter.problem(text)


def _line(records: Sequence[ImageRecord], known: int) -> str:
    ends = (records[0],) if len(records) == 1 else (records[0], records[-1])
    rates = " to ".join(f"{record.bits_per_pixel:.4f}" for record in ends)
    qualities = " to ".join("infinite" if record.psnr is None else f"{record.psnr:.2f}" for record in ends)
    note = f"  ({known} of {len(records)} known already)" if known else ""
    return f"{records[0].image}  {records[0].codec}  {rates} bpp  PSNR {qualities} dB{note}"
