"""A whole run as typed records: results.json (with a JSON schema) and results.csv.

`results.schema.json` beside this file is made from these records by `python -m eval.results`; a test keeps the two in
step. A change that an old reader would misread raises `SCHEMA_VERSION`.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Final, Literal

from eval.results.kinds import Kind, MetricName
from eval.results.records import Count, Failure, ImageRecord, MeanRecord, NonNegative, Positive, Record

SCHEMA_VERSION: Final = 1
SCHEMA_FILE = Path(__file__).with_name("results.schema.json")


class CodecRecord(Record):
    """A codec that took part.

    Attributes:
        name: as plots show it.
        version: libraries, or the model's identity.
        kind: ours or conventional.
        external: whether it ran as another program; its times then hold that program's start.
        setting_name: what its settings are: "quality", "QP".
        settings: those measured, from low rate to high; (0.0,) for a single rate.
        compile_seconds: what tracing and compiling, or loading what was compiled before, cost; in no other time.
    """

    name: str
    version: str
    kind: Kind
    external: bool
    setting_name: str
    settings: tuple[float, ...]
    compile_seconds: NonNegative = 0.0


class Machine(Record):
    """Where the times were taken.

    Attributes:
        cpu: its name.
        cores: those this process may use.
        memory_bytes: of the machine; None where unknown.
        system: operating system.
        device: the kind of device that JAX computes on.
    """

    cpu: str
    cores: Positive
    memory_bytes: Positive | None
    system: str
    device: str


class Data(Record):
    """What was measured on.

    Attributes:
        name: folder name, or tfds:NAME.
        count: images that it holds, unreadable ones included.
    """

    name: str
    count: Count


class BdRecord(Record):
    """One codec against another: Bjøntegaard deltas over the part that both curves cover.

    Attributes:
        anchor: the codec, or the published curve, that is compared with.
        codec: the codec, or the published curve, that is compared.
        metric: what quality is measured by: "psnr", "ms_ssim_db", or a name of `ImageRecord.metrics`.
        bd_rate_percent: bits at equal quality; negative where `codec` needs fewer. None where it cannot be told.
        bd_quality: in the measure's unit at equal rate; positive where `codec` is better. None where it cannot be told.
        overlap: range of quality that both cover, in that unit; None where they do not overlap.
        reason: why a value is None; one line.
    """

    anchor: str
    codec: str
    metric: MetricName
    bd_rate_percent: float | None = None
    bd_quality: float | None = None
    overlap: tuple[float, float] | None = None
    reason: str | None = None


class Results(Record):
    """A whole run.

    Attributes:
        schema_version: `SCHEMA_VERSION`.
        created: UTC, ISO 8601.
        machine: where.
        versions: of Python and the packages that matter.
        data: what on.
        codecs: with what.
        records: every measurement, by image, codec and setting.
        means: by codec and setting.
        compile_seconds: of all codecs.
        failures: what could not be measured.
        bd: comparisons of the codecs' mean curves.
        published: names of the published curves that the report shows.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    created: str
    machine: Machine
    versions: dict[str, str]
    data: Data
    codecs: tuple[CodecRecord, ...]
    records: tuple[ImageRecord, ...]
    means: tuple[MeanRecord, ...]
    compile_seconds: NonNegative = 0.0
    failures: tuple[Failure, ...] = ()
    bd: tuple[BdRecord, ...] = ()
    published: tuple[str, ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the measures beside PSNR and MS-SSIM, in their order."""
        return tuple(dict.fromkeys(name for mean in self.means for name in mean.metrics))

    def to_json(self) -> str:
        """The content of results.json."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Results:
        """Reads what `to_json` wrote.

        Raises:
            pydantic.ValidationError (a ValueError): not such a document, or of another schema version.
        """
        return cls.model_validate_json(text)

    def to_csv(self) -> str:
        """One line a measurement; columns of times and of slices as wide as any record needs."""
        rows = [_flat(record) for record in self.records]
        names = dict.fromkeys(name for row in rows for name in row)
        text = io.StringIO()
        writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()


def _flat(record: ImageRecord) -> dict[str, object]:
    """A record's fields with nested ones spelt out: encode_seconds.total, bits_per_slice.0 (z)."""
    row: dict[str, object] = {}
    for name, value in record.model_dump().items():
        if isinstance(value, dict):
            row |= {f"{name}.{part}": seconds for part, seconds in value.items()}
        elif name == "bits_per_slice":
            row |= {f"{name}.{index}": bits for index, bits in enumerate(value or ())}
        else:
            row[name] = value
    return row


def schema() -> str:
    """The JSON schema of results.json."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Results.model_json_schema()}
    return json.dumps(document, indent=2) + "\n"
