"""The figures that pages state: tables made from results, between two comments of a Markdown page.

<!-- figures: NAME -->
what is here is made anew
<!-- end of figures -->
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from cca_jax.bundles.registry import ModelSummary
from eval.results.records import MeanRecord
from eval.results.results import BdRecord, Results

_BLOCK = re.compile(r"(<!-- figures: (\S+) -->\n)(.*?)(<!-- end of figures -->)", re.S)

SPEED = "speed"
"""The figures that come from a benchmark, not from results."""

RIVALS = {
    "JPEG": "JPEG",
    "WebP": "WebP",
    "HEIC": "HEIC",
    "AVIF": "AVIF",
    "BPG (tensorflow/compression)": "BPG 4:4:4",
    "bmshj2018-hyperprior": "the hyperprior of 2018",
    "VTM-9.1": "VTM 9.1",
    "CCA (paper)": "CCA as published",
}
"""The codecs and published curves that the tables compare with, and how they name them."""


def renew(page: str, results: Results, model: ModelSummary, bench: Mapping[str, Any] | None = None) -> str:
    """A page with its figures made of results.

    Args:
        page: Markdown.
        results: of a run with the model.
        model: whose figures the page states.
        bench: what `python -m bench codec --json` wrote; None leaves figures of speed as they are.

    Raises:
        ValueError: the page has no figures, or some that are not known; or `bench` does not time the model.
    """
    if not _BLOCK.search(page):
        raise ValueError("has no figures to renew, which stand between <!-- figures: NAME --> and their end")

    def made(match: re.Match) -> str:
        if match[2] == SPEED:
            table = None if bench is None else speed(bench, model)
        elif match[2] in _FIGURES:
            table = _FIGURES[match[2]](results, model)
        else:
            raise ValueError(f"has figures {match[2]!r}: there are {', '.join((*_FIGURES, SPEED))}")
        return match[0] if table is None else f"{match[1]}\n{table}\n\n{match[4]}"

    return _BLOCK.sub(made, page)


def comparison(results: Results, model: ModelSummary) -> str:
    """The rate that the model needs at equal PSNR, beside each of `RIVALS` that takes part; lowest first."""
    records = [record for record in _bd_of(results, model.name) if record.bd_rate_percent is not None]
    records.sort(key=lambda record: record.bd_rate_percent or 0.0)
    rows: list[tuple[str, ...]] = [("compared with", "rate of ours at equal PSNR", "over", "their curve is")]
    for record in records:
        low, high = record.overlap or (0.0, 0.0)
        whose = "published" if record.anchor in results.published else "measured here"
        rows.append((RIVALS[record.anchor], _percent(record.bd_rate_percent), f"{low:.1f} to {high:.1f} dB", whose))
    return f"{_table(rows)}\n\n{_verdict(model.name, records)}"


def essentials(results: Results, model: ModelSummary) -> str:
    """Size, range of rates and arithmetic of the model."""
    means = _means_of(results, model.name)
    bits = [mean.bits_per_pixel for mean in means]
    decibels = [mean.psnr for mean in means if mean.psnr is not None]
    rows: list[tuple[str, ...]] = [
        ("", f"`{model.name}`"),
        ("weights", f"{model.bytes / 1e6:.1f} MB, {model.parameters / 1e6:.1f} million parameters"),
        ("rates of the one model", f"{min(bits):.3f} to {max(bits):.2f} bits per pixel"),
        ("PSNR", f"{min(decibels):.1f} to {max(decibels):.1f} dB"),
        ("arithmetic", f"{model.cost.encode:.0f} kMAC a pixel to compress, {model.cost.decode:.0f} to decompress"),
    ]
    return _table(rows)


def speed(bench: Mapping[str, Any], model: ModelSummary) -> str:
    """Seconds of whole calls, by size of the image.

    Raises:
        ValueError: the benchmark did not time this model.
    """
    sizes = bench.get("codec", {}).get(model.name)
    if not sizes:
        raise ValueError(f"the benchmark has no times of {model.name}: run python -m bench codec --models {model.name}")
    machine = bench["machine"]
    device = machine["cpu"] if machine["device"] == "cpu" else f"{machine['device']}, {machine['cpu']}"
    rows: list[tuple[str, ...]] = [(f"{machine['cores']} cores, {device}", "compress, s", "decompress, s")]
    for size, figures in sizes.items():
        rows.append((f"{size} pixels", *(f"{figures[side]['median']:.2g}" for side in ("compress", "decompress"))))
    return _table(rows)


def rates(results: Results, model: ModelSummary) -> str:
    """The model's means by quality."""
    rows: list[tuple[str, ...]] = [("quality", "bits per pixel", "PSNR, dB", "MS-SSIM")]
    for mean in _means_of(results, model.name):
        numbers = (f"{value:.{digits}f}" if value is not None else "–" for value, digits in _columns(mean))
        rows.append((f"{mean.setting:g}", *numbers))
    return _table(rows)


_FIGURES: Mapping[str, Callable[[Results, ModelSummary], str]] = {
    "comparison": comparison,
    "essentials": essentials,
    "rates": rates,
}


def _columns(mean: MeanRecord) -> tuple[tuple[float | None, int], ...]:
    return (mean.bits_per_pixel, 3), (mean.psnr, 2), (mean.ms_ssim, 3)


def _bd_of(results: Results, codec: str) -> list[BdRecord]:
    return [r for r in results.bd if r.codec == codec and r.metric == "psnr" and r.anchor in RIVALS]


def _means_of(results: Results, codec: str) -> list[MeanRecord]:
    means = [mean for mean in results.means if mean.codec == codec]
    if not means:
        raise ValueError(f"the results have no measurement of {codec}")
    return means


def _verdict(name: str, records: list[BdRecord]) -> str:
    """Whom the model is ahead of and whom behind, as one sentence."""
    signs = {"fewer bits than": -1, "more than": 1}
    parts = []
    for words, sign in signs.items():
        if rivals := [RIVALS[r.anchor] for r in records if sign * (r.bd_rate_percent or 0.0) > 0]:
            *most, last = rivals
            parts.append(f"{words} {' and '.join([', '.join(most), last] if most else [last])}")
    return f"At equal PSNR `{name}` needs {', and '.join(parts)}." if parts else ""


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.0f} %".replace("-", "−")


def _table(rows: list[tuple[str, ...]]) -> str:
    head, *body = rows
    rule = ("---",) * len(head)
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *body))
