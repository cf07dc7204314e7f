"""Bjøntegaard deltas between all codecs of a run, and the published curves: the rows of `Results.bd`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from typing import Final, TypeVar, cast

from cca_jax.objective.bd_rate import IncomparableError, Point, bd_quality, bd_rate
from eval.rate_distortion.curves import PublishedCurve
from eval.rate_distortion.metrics.registry import METRICS
from eval.results.kinds import MetricName
from eval.results.records import MeanRecord
from eval.results.results import BdRecord

_Delta = TypeVar("_Delta")
_Points = tuple[Point, ...]
_ALWAYS: Final = ("psnr", "ms_ssim_db")


@dataclass(frozen=True)
class _Curve:
    """A curve of means over images.

    Attributes:
        name: of the codec.
        points: in any order.
        count: images that the means are of; None for a published curve, which is of the whole data set.
        reason: why nothing can be compared with it; None where nothing speaks against it.
    """

    name: str
    points: _Points
    count: int | None = None
    reason: str | None = None


def bd_records(means: Iterable[MeanRecord], published: Sequence[PublishedCurve] = ()) -> tuple[BdRecord, ...]:
    """Every codec against every other, in each metric that was measured, and against published curves, in theirs.

    Published curves are anchors only: how they compare among themselves is known, and not of this run.

    Args:
        means: of all codecs and settings.
        published: curves of the data set that the means are of.

    Returns:
        For each metric, all ordered pairs of the run's codecs, then the codecs against the published curves.
    """
    by_codec: dict[str, list[MeanRecord]] = {}
    for mean in means:
        by_codec.setdefault(mean.codec, []).append(mean)
    records: list[BdRecord] = []
    also = [name for name in METRICS if any(name in mean.metrics for group in by_codec.values() for mean in group)]
    for metric in (*_ALWAYS, *also):
        measured = [_mean_curve(group, metric) for group in by_codec.values()]
        anchors = [
            _Curve(curve.name, tuple(Point(*point) for point in curve.points))
            for curve in published
            if curve.metric == metric
        ]
        pairs = [*permutations(measured, 2), *((anchor, codec) for anchor in anchors for codec in measured)]
        records += [_compare(anchor, codec, metric) for anchor, codec in pairs]
    return tuple(records)


def _mean_curve(group: Sequence[MeanRecord], metric: str) -> _Curve:
    """The curve of one codec; it ends before settings at which an image came back identical, whose PSNR is infinite."""
    name, count, large = group[0].codec, group[0].count, group[0].count_ms_ssim
    reason = None
    if metric == "ms_ssim_db" and large < count:
        reason = f"MS-SSIM is known of {large} of {count} images only, the rate is of all"
    qualities = [(mean.bits_per_pixel, _quality(mean, metric)) for mean in group]
    points = tuple(Point(rate, quality) for rate, quality in qualities if quality is not None)
    return _Curve(name, points, count, reason)


def _quality(mean: MeanRecord, metric: str) -> float | None:
    """A number that grows with likeness; None where it is not known of all images, or infinite."""
    if metric in _ALWAYS:
        return getattr(mean, metric)
    value = mean.metrics.get(metric)
    return None if value is None else METRICS[metric].as_quality(value)


def _compare(anchor: _Curve, codec: _Curve, metric: str) -> BdRecord:
    reason = anchor.reason or codec.reason
    if reason is None and None not in (anchor.count, codec.count) and anchor.count != codec.count:
        reason = f"{anchor.name} is the mean of {anchor.count} images, {codec.name} of {codec.count}"
    rate = quality = None
    if reason is None:
        # One may exist without the other: where qualities overlap, rates need not.
        unit = " dB" if metric in _ALWAYS else METRICS[metric].unit
        rate, reason = _attempt(partial(bd_rate, unit=unit), anchor, codec)
        quality, no_quality = _attempt(partial(bd_quality, unit=unit), anchor, codec)
        reason = reason or no_quality
    return BdRecord(
        anchor=anchor.name,
        codec=codec.name,
        metric=cast(MetricName, metric),
        bd_rate_percent=rate.percent if rate else None,
        bd_quality=quality.decibels if quality else None,
        overlap=_overlap(rate.overlap, metric) if rate else None,
        reason=reason,
    )


def _overlap(range_of_quality: tuple[float, float], metric: str) -> tuple[float, float]:
    """In the metric's own numbers, the smaller first."""
    low, high = range_of_quality
    return (low, high) if metric in _ALWAYS or METRICS[metric].higher_is_better else (-high, -low)


def _attempt(
    delta: Callable[[_Points, _Points], _Delta], anchor: _Curve, codec: _Curve
) -> tuple[_Delta | None, str | None]:
    try:
        return delta(anchor.points, codec.points), None
    except IncomparableError as error:
        return None, str(error)
