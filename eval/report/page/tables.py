"""The page's tables as rows of texts: means, Bjøntegaard deltas, failures, and what the headline says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eval.codecs.interface import TOTAL
from eval.rate_distortion.metrics.registry import METRICS
from eval.report.plots.series import setting_label
from eval.report.plots.style import CurveStyle
from eval.results.records import MeanRecord
from eval.results.results import BdRecord, CodecRecord, Results

_UNKNOWN = "–"
_TITLES = {
    "psnr": "BD-rate by PSNR",
    "ms_ssim_db": "BD-rate by MS-SSIM",
    **{name: f"BD-rate by {metric.title}" for name, metric in METRICS.items()},
}


@dataclass(frozen=True)
class Cell:
    """A cell that sorts by `value`, shows `text` and below it, small, `detail`."""

    text: str
    value: float | str = ""
    detail: str = ""


@dataclass(frozen=True)
class MeanRow:
    """A line of the table of means."""

    ours: bool
    color: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class BdCell:
    """A comparison: `kind` is "saves", "costs", "same" or "refused"; `reason` is the number of a footnote, or 0."""

    kind: str
    rate: str
    detail: str = ""
    reason: int = 0


@dataclass(frozen=True)
class BdRow:
    """Every codec against one anchor."""

    anchor: str
    published: bool
    cells: tuple[BdCell, ...]


@dataclass(frozen=True)
class BdMatrix:
    """All comparisons by one metric; ours first."""

    title: str
    codecs: tuple[str, ...]
    ours: frozenset[str]
    rows: tuple[BdRow, ...]


@dataclass
class Footnotes:
    """Reasons, each once, numbered from 1."""

    texts: list[str] = field(default_factory=list)

    def number(self, text: str) -> int:
        """Of a text, which is added if it is new."""
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1


MEAN_COLUMNS = (
    "codec",
    "setting",
    "images",
    "bits per pixel",
    "PSNR, dB",
    "MS-SSIM",
    "MS-SSIM, dB",
    "encode, s",
    "decode, s",
    "peak memory, MiB",
)
_BEFORE_TIMES = MEAN_COLUMNS.index("encode, s")
ESTIMATE_COLUMN = "estimated bits per pixel"


def mean_columns(results: Results) -> tuple[str, ...]:
    """The heads of the table of means."""
    metrics = [", ".join(filter(None, (METRICS[name].title, METRICS[name].unit.strip()))) for name in results.metrics]
    estimate = [ESTIMATE_COLUMN] if has_estimates(results) else []
    return (*MEAN_COLUMNS[:_BEFORE_TIMES], *metrics, *MEAN_COLUMNS[_BEFORE_TIMES:], *estimate)


def mean_rows(results: Results, styles: Mapping[str, CurveStyle]) -> list[MeanRow]:
    """The table of means, ours first; with a last column of estimates where there are any (see `has_estimates`)."""
    codecs = {codec.name: codec for codec in results.codecs}
    ranked = sorted(results.means, key=lambda mean: codecs[mean.codec].kind != "ours")
    estimates = has_estimates(results)
    return [
        MeanRow(
            codecs[mean.codec].kind == "ours",
            styles[mean.codec].color,
            (*_mean_cells(codecs[mean.codec], mean, results.metrics), *([_estimate(mean)] if estimates else [])),
        )
        for mean in ranked
    ]


def has_estimates(results: Results) -> bool:
    """Whether likelihood estimates were asked for."""
    return any(mean.estimated_bits_per_pixel is not None for mean in results.means)


def bd_matrices(results: Results, footnotes: Footnotes) -> list[BdMatrix]:
    """The comparisons by each metric that has any; refusals refer to `footnotes`."""
    ours = frozenset(codec.name for codec in results.codecs if codec.kind == "ours")
    names = [codec.name for codec in sorted(results.codecs, key=lambda codec: codec.kind != "ours")]
    matrices = []
    for metric, title in _TITLES.items():
        records = {(record.anchor, record.codec): record for record in results.bd if record.metric == metric}
        compared = {codec for _, codec in records}
        codecs = tuple(name for name in names if name in compared)
        rows = tuple(
            BdRow(
                anchor,
                anchor in results.published,
                tuple(_bd_cell(records.get((anchor, codec)), footnotes) for codec in codecs),
            )
            for anchor in dict.fromkeys(anchor for anchor, _ in records)
        )
        if rows:
            matrices.append(BdMatrix(title, codecs, ours, rows))
    return matrices


def headline(results: Results) -> list[dict[str, object]]:
    """The means of our models, as large figures."""
    codecs = {codec.name: codec for codec in results.codecs if codec.kind == "ours"}
    return [
        {
            "name": mean.codec,
            "setting": setting_label(codecs[mean.codec], mean.setting),
            "figures": [
                (_rate(mean.bits_per_pixel), "bits per pixel"),
                (f"{_fixed(mean.psnr, 2)} dB", "PSNR"),
                (_fixed(mean.ms_ssim, 4), "MS-SSIM"),
                (f"{_fixed(mean.encode_seconds.get(TOTAL), 2)} s", "to encode an image"),
                (f"{_fixed(mean.decode_seconds.get(TOTAL), 2)} s", "to decode it"),
            ],
        }
        for mean in results.means
        if mean.codec in codecs
    ]


def failure_rows(results: Results) -> list[dict[str, str]]:
    """What could not be measured, in words."""
    codecs = {codec.name: codec for codec in results.codecs}
    rows = []
    for failure in results.failures:
        codec = codecs.get(failure.codec or "")
        setting = setting_label(codec, failure.setting) if codec and failure.setting is not None else ""
        rows.append(
            {
                "image": failure.image,
                "codec": ", ".join(part for part in (failure.codec, setting) if part) or "all",
                "reason": failure.reason,
            }
        )
    return rows


def _mean_cells(codec: CodecRecord, mean: MeanRecord, metrics: Sequence[str]) -> Sequence[Cell]:
    coverage = f"of {mean.count_ms_ssim} images" if 0 < mean.count_ms_ssim < mean.count else ""
    memory = mean.peak_memory_bytes
    label = setting_label(codec, mean.setting)
    return (
        Cell(codec.name, codec.name),
        Cell(label or _UNKNOWN, mean.setting),
        Cell(str(mean.count), mean.count),
        Cell(f"{mean.bits_per_pixel:.4f}", mean.bits_per_pixel),
        Cell(_fixed(mean.psnr, 2), _value(mean.psnr)),
        Cell(_fixed(mean.ms_ssim, 4), _value(mean.ms_ssim), coverage),
        Cell(_fixed(mean.ms_ssim_db, 2), _value(mean.ms_ssim_db), coverage),
        *(Cell(_fixed(mean.metrics.get(n), METRICS[n].digits), _value(mean.metrics.get(n))) for n in metrics),
        _seconds(mean.encode_seconds),
        _seconds(mean.decode_seconds),
        Cell(_UNKNOWN if memory is None else f"{memory / 2**20:,.0f}", _value(memory)),
    )


def _estimate(mean: MeanRecord) -> Cell:
    estimate = mean.estimated_bits_per_pixel
    return Cell(_fixed(estimate, 4), _value(estimate))


def _seconds(seconds: Mapping[str, float]) -> Cell:
    parts = [f"{part} {value:.3f}" for part, value in seconds.items() if part != TOTAL]
    total = seconds.get(TOTAL)
    # The file alone says nothing that the total does not.
    return Cell(_fixed(total, 3), _value(total), ", ".join(parts) if len(parts) > 1 else "")


def _bd_cell(record: BdRecord | None, footnotes: Footnotes) -> BdCell:
    if record is None:
        return BdCell("same", "")
    reason = footnotes.number(record.reason) if record.reason else 0
    overlap = f"({record.overlap[0]:.1f}–{record.overlap[1]:.1f})" if record.overlap else ""
    unit = METRICS[record.metric].unit if record.metric in METRICS else " dB"
    gain = "" if record.bd_quality is None else f"{_signed(record.bd_quality, 2)}{unit}"
    detail = " ".join(part for part in (gain, overlap) if part)
    rate = record.bd_rate_percent
    if rate is None:
        return BdCell("refused", _UNKNOWN, detail, reason)
    kind = "saves" if rate < 0 else "costs" if rate > 0 else "same"
    return BdCell(kind, f"{_signed(rate, 1)} %", detail, reason)


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _rate(value: float) -> str:
    return f"{value:.4f}" if value < 0.1 else f"{value:.3f}"


def _fixed(value: float | None, digits: int) -> str:
    return _UNKNOWN if value is None else f"{value:.{digits}f}"


def _value(value: float | None) -> float | str:
    return "" if value is None else value
