"""Bjøntegaard deltas: how far one rate–distortion curve lies from another, as one number.

Bjøntegaard, "Calculation of average PSNR differences between RD-curves" (VCEG-M33, 2001), with monotone piecewise cubic
Hermite interpolation (pchip) through all points in place of one cubic fitted to four; each polynomial is integrated
exactly. BD-rate interpolates log-rate over quality and averages over the quality that both curves cover; BD-PSNR
interpolates quality over log-rate and averages over the common log-rate. Nothing is extrapolated.

A curve has at least four points, and more rate must bring more quality. Points that break this (a setting that costs
more bits and is no better) are refused and not dropped: the curve without them would flatter the codec.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator

MIN_POINTS = 4
"""As many as Bjøntegaard's own method takes; fewer leave the shape of the curve to the interpolation."""


class Point(NamedTuple):
    """A point of a rate–distortion curve."""

    rate: float
    """Bits per pixel, above 0 (any unit, the same for both curves)."""

    quality: float
    """What grows as images get better: PSNR, say, in decibels."""


class IncomparableError(ValueError):
    """Two curves have no Bjøntegaard delta; the message is one line that says why."""


@dataclass(frozen=True)
class BDRate:
    """Difference of rate at equal quality.

    Attributes:
        percent: average difference of rate relative to the anchor; negative where the codec needs fewer bits.
        overlap: the range of quality averaged over.
        anchor_share: part of the anchor's range of quality that this is, 0 to 1.
        codec_share: part of the codec's.
    """

    percent: float
    overlap: tuple[float, float]
    anchor_share: float
    codec_share: float


@dataclass(frozen=True)
class BDQuality:
    """Difference of quality at equal rate: BD-PSNR, where quality is PSNR.

    Attributes:
        decibels: average difference; positive where the codec is better. Of other measures, in their unit.
        overlap: the range of rate averaged over, in the points' unit.
        anchor_share: part of the anchor's range of log-rate that this is, 0 to 1.
        codec_share: part of the codec's.
    """

    decibels: float
    overlap: tuple[float, float]
    anchor_share: float
    codec_share: float


def bd_rate(anchor: Iterable[tuple[float, float]], codec: Iterable[tuple[float, float]], unit: str = " dB") -> BDRate:
    """The codec's rate relative to the anchor's at equal quality.

    Args:
        anchor: points (rate, quality) in any order.
        codec: likewise.
        unit: of quality, for messages.

    Raises:
        IncomparableError: a curve is not as the module's text asks, or the two have no range of quality in common.
    """
    first, second = _checked(anchor, "the anchor", unit), _checked(codec, "the codec", unit)
    delta, (low, high), shares = _mean_difference(
        first.quality,
        first.log_rate,
        second.quality,
        second.log_rate,
        "range of quality",
        f"{{:.2f}} to {{:.2f}}{unit}",
    )
    return BDRate(100 * math.expm1(delta), (low, high), *shares)


def bd_quality(
    anchor: Iterable[tuple[float, float]], codec: Iterable[tuple[float, float]], unit: str = " dB"
) -> BDQuality:
    """The codec's quality above the anchor's at equal rate: BD-PSNR, where quality is PSNR.

    Args:
        anchor: points (rate, quality) in any order.
        codec: likewise.
        unit: of quality, for messages.

    Raises:
        IncomparableError: a curve is not as the module's text asks, or the two have no range of rate in common.
    """
    first, second = _checked(anchor, "the anchor", unit), _checked(codec, "the codec", unit)
    delta, (low, high), shares = _mean_difference(
        first.log_rate, first.quality, second.log_rate, second.quality, "range of rate", "ln {:.2f} to {:.2f}"
    )
    return BDQuality(delta, (math.exp(low), math.exp(high)), *shares)


class _Curve(NamedTuple):
    """Sorted and found in order; both float64 [N], strictly increasing."""

    log_rate: np.ndarray
    quality: np.ndarray


def _checked(points: Iterable[tuple[float, float]], whose: str, unit: str) -> _Curve:
    curve = sorted(Point(*point) for point in points)
    if len(curve) < MIN_POINTS:
        raise IncomparableError(f"{whose} has {len(curve)} of the {MIN_POINTS} points that are needed")
    for point in curve:
        if not (math.isfinite(point.rate) and math.isfinite(point.quality) and point.rate > 0):
            raise IncomparableError(
                f"{whose} has a point that is not a rate above 0 and finite quality: {_show(point, unit)}"
            )
    for lower, upper in itertools.pairwise(curve):
        if not (upper.rate > lower.rate and upper.quality > lower.quality):
            raise IncomparableError(f"{whose} is not better at {_show(upper, unit)} than at {_show(lower, unit)}")
    rates, qualities = np.array(curve).T
    return _Curve(np.log(rates), qualities)


def _show(point: Point, unit: str) -> str:
    return f"{point.rate:.4f} bpp, {point.quality:.3f}{unit}"


def _mean_difference(
    x: np.ndarray, y: np.ndarray, other_x: np.ndarray, other_y: np.ndarray, axis: str, as_text: str
) -> tuple[float, tuple[float, float], tuple[float, float]]:
    """Mean of other_y minus y over the common range of x; that range; its share of either range."""
    low, high = max(x[0], other_x[0]), min(x[-1], other_x[-1])
    if low >= high:
        ranges = " and ".join(as_text.format(values[0], values[-1]) for values in (x, other_x))
        raise IncomparableError(f"the two have no {axis} in common: {ranges}")
    areas = [float(PchipInterpolator(*curve).integrate(low, high)) for curve in ((x, y), (other_x, other_y))]
    shares = (high - low) / (x[-1] - x[0]), (high - low) / (other_x[-1] - other_x[0])
    return (areas[1] - areas[0]) / (high - low), (float(low), float(high)), (float(shares[0]), float(shares[1]))
