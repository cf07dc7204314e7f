"""A run over images, codecs and settings: continued where it was interrupted, and not stopped by what is broken."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cca_jax.cli.console import Reporter
from cca_jax.cli.errors import EXPECTED, describe
from eval.codecs.interface import CodecError, ImageCodec
from eval.results.records import Failure, ImageRecord
from eval.results.results import Machine
from eval.runner.images import ImageSource, LoadedImage, digest
from eval.runner.measure import measure
from eval.runner.store import Cache, Entry, Journal, entry_key


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
    """

    source: ImageSource
    codecs: Sequence[ImageCodec]
    estimate: bool
    machine: Machine
    journal: Journal
    cache: Cache | None


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


def run(plan: Plan) -> Outcome:
    """Measures what is not known yet, one image at a time; a line for each image and codec goes to standard output.

    An image that cannot be read is reported once. A codec that fails on an image has no record of it at any setting, so
    that the points of its mean curve are of the same images.

    Raises:
        OSError: a measurement cannot be kept.
    """
    with tempfile.TemporaryDirectory() as scratch, Reporter(len(plan.source.names), "measuring") as reporter:
        going = _Run(plan, reporter, Path(scratch) / "coded")
        for index in range(len(plan.source.names)):
            going.through(index)
            reporter.done()
        return going.outcome


class _Run:
    def __init__(self, plan: Plan, reporter: Reporter, file: Path) -> None:
        self._plan, self._reporter, self._file = plan, reporter, file
        self._warm: set[str] = set()
        self.outcome = Outcome()

    def through(self, index: int) -> None:
        name = self._plan.source.names[index]
        self._reporter.begin(name)
        try:
            image = self._plan.source.load(index)
        except EXPECTED as error:
            self._fail(Failure(image=name, reason=describe(error)))
            return
        for note in image.notes:
            self._reporter.problem(f"{name}: warning: {note}")
        content = digest(image.pixels)
        for codec in self._plan.codecs:
            self._reporter.begin(f"{name} with {codec.name}")
            self._through_codec(image, content, codec)

    def _through_codec(self, image: LoadedImage, content: str, codec: ImageCodec) -> None:
        entries: list[Entry] = []
        known = 0
        for setting in codec.settings:
            estimate = self._plan.estimate and codec.kind == "ours"
            key = entry_key(content, codec, setting, estimate, self._plan.machine)
            entry = self._find(key, codec)
            known += entry is not None
            if entry is None:
                try:
                    record, compiling = self._measure(codec, image, setting, estimate)
                except (CodecError, *EXPECTED) as error:
                    reason = describe(error)
                    self._fail(Failure(image=image.name, reason=reason, codec=codec.name, setting=setting))
                    return
                entry = Entry(key=key, record=record, compile_seconds=compiling)
                self._keep(entry, codec)
            entries.append(entry)
        records = [entry.record.model_copy(update={"image": image.name}) for entry in entries]
        self.outcome.add(codec.name, records, sum(entry.compile_seconds for entry in entries), known)
        self._reporter.line(_line(records, known))

    def _measure(
        self, codec: ImageCodec, image: LoadedImage, setting: float, estimate: bool
    ) -> tuple[ImageRecord, float]:
        if codec.kind == "conventional" and not codec.external and codec.name not in self._warm:
            measure(codec, image, setting, self._file)  # a library's first call also loads it
            self._warm.add(codec.name)
        return measure(codec, image, setting, self._file, estimate)

    def _find(self, key: str, codec: ImageCodec) -> Entry | None:
        measured = self._plan.journal.get(key)
        if measured is None and self._plan.cache is not None and codec.kind == "conventional":
            measured = self._plan.cache.get(key)
        return measured

    def _keep(self, entry: Entry, codec: ImageCodec) -> None:
        self._plan.journal.put(entry)
        if self._plan.cache is not None and codec.kind == "conventional":
            self._plan.cache.put(entry)

    def _fail(self, failure: Failure) -> None:
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
