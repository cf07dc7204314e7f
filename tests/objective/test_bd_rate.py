"""Bjøntegaard deltas: published numbers, identities, and what is refused."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.interpolate import PchipInterpolator

from cca_jax.objective.bd_rate import IncomparableError, bd_quality, bd_rate

ANCHOR = [(0.1, 28.0), (0.25, 31.0), (0.5, 34.5), (0.9, 37.0), (1.4, 40.0)]
OTHER = [(0.12, 28.9), (0.2, 31.2), (0.45, 35.1), (0.7, 36.8)]


def published(name, pixels=None):
    pytest.importorskip("pydantic", reason="needs the extra [eval]")
    from eval.rate_distortion.curves import load_curves

    curves = [c for c in load_curves() if c.name == name and c.dataset == "kodak" and pixels in (None, c.pixels)]
    (curve,) = curves
    return curve.points


@pytest.mark.parametrize(
    ("name", "pixels", "percent"),
    [
        ("CCA (paper)", None, -13.7),
        ("TCM-L", None, -11.7),
        ("ELIC", None, -7.0),
        ("cheng2020-anchor", "float", 3.7),
        ("AV1", None, 16.2),
        ("BPG (tensorflow/compression)", None, 20.4),
        ("mbt2018-mean", "float", 21.3),
        ("bmshj2018-hyperprior", "float", 30.5),
        ("WebP (CompressAI)", None, 78.8),
    ],
)
def test_known_values_on_kodak_against_vtm(name, pixels, percent):
    # Known to one digit after the point (WebP is 78.75). Curves are taken whole: cut at 1 bpp, AV1 would be +19.3.
    assert bd_rate(published("VTM-9.1"), published(name, pixels)).percent == pytest.approx(percent, abs=0.06)


def test_known_value_of_jpeg():
    result = bd_rate(published("VTM-9.1"), published("JPEG (CompressAI)"))
    assert result.percent == pytest.approx(208, abs=0.5)  # known to the per cent
    assert result.overlap == pytest.approx((26.145, 40.557), abs=1e-3)


def test_rounding_to_8_bits_costs_learned_codecs_a_little():
    anchor = published("VTM-9.1")
    for name in ("cheng2020-anchor", "mbt2018-mean", "bmshj2018-hyperprior"):
        loss = bd_rate(anchor, published(name, "8-bit")).percent - bd_rate(anchor, published(name, "float")).percent
        assert 0.2 < loss < 0.6


def test_identical_curves_differ_by_nothing():
    assert bd_rate(ANCHOR, ANCHOR).percent == 0
    assert bd_quality(ANCHOR, ANCHOR).decibels == 0


def test_half_the_rate_everywhere():
    half = [(rate / 2, quality) for rate, quality in ANCHOR]
    result = bd_rate(ANCHOR, half)
    assert result.percent == pytest.approx(-50, abs=1e-12)
    assert (result.overlap, result.anchor_share, result.codec_share) == ((28.0, 40.0), 1.0, 1.0)


def test_a_decibel_more_everywhere():
    result = bd_quality(ANCHOR, [(rate, quality + 1) for rate, quality in ANCHOR])
    assert result.decibels == pytest.approx(1, abs=1e-12)
    assert result.overlap == pytest.approx((0.1, 1.4))


def test_the_unit_of_rate_does_not_matter():
    kilobytes = [[(48 * rate, quality) for rate, quality in curve] for curve in (ANCHOR, OTHER)]
    assert bd_rate(*kilobytes).percent == pytest.approx(bd_rate(ANCHOR, OTHER).percent, rel=1e-12)
    assert bd_quality(*kilobytes).decibels == pytest.approx(bd_quality(ANCHOR, OTHER).decibels, rel=1e-12)


def test_exchanged_curves_are_each_others_inverse():
    there, back = bd_rate(ANCHOR, OTHER), bd_rate(OTHER, ANCHOR)
    assert (1 + there.percent / 100) * (1 + back.percent / 100) == pytest.approx(1, abs=1e-12)
    assert (there.anchor_share, there.codec_share) == (back.codec_share, back.anchor_share)
    assert bd_quality(ANCHOR, OTHER).decibels == pytest.approx(-bd_quality(OTHER, ANCHOR).decibels, abs=1e-12)


def test_the_order_of_points_does_not_matter():
    assert bd_rate(ANCHOR[::-1], OTHER[2:] + OTHER[:2]) == bd_rate(ANCHOR, OTHER)
    assert bd_quality(ANCHOR[::-1], OTHER[2:] + OTHER[:2]) == bd_quality(ANCHOR, OTHER)


def test_the_integral_is_exact_over_the_common_range():
    (rates, qualities), (other_rates, other_qualities) = np.array(ANCHOR).T, np.array(OTHER).T
    first = PchipInterpolator(qualities, np.log(rates))
    second = PchipInterpolator(other_qualities, np.log(other_rates))
    area, _ = quad(lambda q: second(q) - first(q), 28.9, 36.8, points=[31, 31.2, 34.5, 35.1], epsabs=1e-12)
    result = bd_rate(ANCHOR, OTHER)
    assert result.percent == pytest.approx(100 * math.expm1(area / (36.8 - 28.9)), abs=1e-9)
    assert result.overlap == (28.9, 36.8)
    assert result.anchor_share == pytest.approx(7.9 / 12)
    assert result.codec_share == 1


@pytest.mark.parametrize("function", [bd_rate, bd_quality])
@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "the codec has 0 of the 4 points"),
        (OTHER[:3], "the codec has 3 of the 4 points"),
        ([*OTHER, (0.8, math.inf)], "0.8000 bpp, inf dB"),
        ([*OTHER, (math.nan, 37.0)], "nan bpp"),
        ([*OTHER, (0.0, 20.0)], "0.0000 bpp"),
        ([*OTHER, (-1.0, 20.0)], "-1.0000 bpp"),
        ([*OTHER, (0.5, 35.1)], "not better at 0.5000 bpp, 35.100 dB than at 0.4500 bpp, 35.100 dB"),
        ([*OTHER, (0.5, 33.0)], "not better at 0.5000 bpp, 33.000 dB than at 0.4500 bpp, 35.100 dB"),
        ([*OTHER, (0.45, 35.2)], "not better at 0.4500 bpp, 35.200 dB than at 0.4500 bpp, 35.100 dB"),
    ],
)
def test_curves_that_are_none_are_refused(function, points, message):
    with pytest.raises(IncomparableError, match=message.replace(".", r"\.")):
        function(ANCHOR, points)
    with pytest.raises(IncomparableError, match="the anchor"):
        function(points, ANCHOR)


def test_curves_apart_are_refused():
    better = [(rate, quality + 12) for rate, quality in ANCHOR]
    with pytest.raises(IncomparableError, match=r"no range of quality in common: 28\.00 to 40\.00 dB and 40\.00 to 52"):
        bd_rate(ANCHOR, better)
    larger = [(rate * 20, quality) for rate, quality in ANCHOR]
    with pytest.raises(IncomparableError, match="no range of rate in common"):
        bd_quality(ANCHOR, larger)
    assert bd_rate(ANCHOR, larger).percent == pytest.approx(1900)
