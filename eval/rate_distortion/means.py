"""Means of per-image values, by codec and setting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from eval.results.records import ImageRecord, MeanRecord


def mean_records(records: Iterable[ImageRecord]) -> tuple[MeanRecord, ...]:
    """One record for each codec and setting, in the order in which they first appear."""
    groups: dict[tuple[str, float], list[ImageRecord]] = {}
    for record in records:
        groups.setdefault((record.codec, record.setting), []).append(record)
    return tuple(_mean(group) for group in groups.values())


def _mean(group: Sequence[ImageRecord]) -> MeanRecord:
    large = [record for record in group if record.ms_ssim is not None]
    slices = [record.bits_per_slice for record in group if record.bits_per_slice is not None]
    peaks = [record.peak_memory_bytes for record in group if record.peak_memory_bytes is not None]
    timed = [record for record in group if record.encode_seconds]
    return MeanRecord(
        codec=group[0].codec,
        setting=group[0].setting,
        count=len(group),
        count_ms_ssim=len(large),
        bytes=fmean(record.bytes for record in group),
        bits_per_pixel=fmean(record.bits_per_pixel for record in group),
        psnr=_mean_of_all([record.psnr for record in group]),
        ms_ssim=_mean_of_all([record.ms_ssim for record in large]),
        ms_ssim_db=_mean_of_all([record.ms_ssim_db for record in large]),
        encode_seconds=_mean_parts([record.encode_seconds for record in timed]),
        decode_seconds=_mean_parts([record.decode_seconds for record in timed]),
        count_timed=None if len(timed) == len(group) else len(timed),
        peak_memory_bytes=max(peaks, default=None),
        bits_per_slice=tuple(fmean(bits) for bits in zip(*slices, strict=True)) if len(slices) == len(group) else None,
        estimated_bits_per_pixel=_mean_of_all([record.estimated_bits_per_pixel for record in group]),
        metrics={name: _mean_of_all([record.metrics.get(name) for record in group]) for name in group[0].metrics},
    )


def _mean_of_all(values: Sequence[float | None]) -> float | None:
    """None where one is missing: a mean of the others would stand for images that it leaves out."""
    present = [value for value in values if value is not None]
    return fmean(present) if present and len(present) == len(values) else None


def _mean_parts(seconds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {part: fmean(one[part] for one in seconds) for part in (seconds[0] if seconds else ())}
