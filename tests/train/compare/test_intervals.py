"""BD-rates seed by seed and Student's interval, against values by hand and tables of t."""

import math

import pytest

from cca_jax.objective.bd_rate import IncomparableError, bd_rate
from train.compare.intervals import estimate, paired_bd_rates
from train.compare.results import RunResult

POINTS = [(0.1, 28.0), (0.25, 31.0), (0.5, 34.5), (0.9, 37.0)]


def result(seed, factor=1.0, points=POINTS, variant="a"):
    rates, psnrs = zip(*((rate * factor, psnr) for rate, psnr in points), strict=True)
    return RunResult(variant, seed, {}, None, 1.0, list(rates), list(psnrs), 0.5, "cpu", False, 24)


def test_an_interval_by_hand():
    mean, half_width, values = estimate([1.0, 2.0, 6.0])
    assert mean == 3
    # s² = (4 + 1 + 9) / 2 = 7; t(0.975, 2) = 4.3027
    assert half_width == pytest.approx(4.30265 * math.sqrt(7) / math.sqrt(3), rel=1e-5)
    assert values == (1, 2, 6)
    assert estimate([2.0, 4.0]).half_width == pytest.approx(12.7062 * math.sqrt(2) / math.sqrt(2), rel=1e-5)


def test_one_value_has_no_interval():
    assert estimate([2.5]) == (2.5, None, (2.5,))


def test_pairs_are_of_one_seed():
    """What a seed does to both cancels: the second variant always needs 10 % more."""
    anchor = [result(0), result(1, 2.0), result(2, 0.5)]
    other = [result(2, 0.55, variant="b"), result(0, 1.1, variant="b"), result(7, 9.0, variant="b")]
    found = paired_bd_rates(anchor, other)
    assert found.values == pytest.approx([10, 10])
    assert found.half_width == pytest.approx(0, abs=1e-6)


def test_differences_between_seeds_are_the_spread():
    found = paired_bd_rates([result(0), result(1)], [result(0, 1.1), result(1, 0.9)])
    assert found.values == pytest.approx([10, -10])
    assert found.mean == pytest.approx(0, abs=1e-9)
    assert found.half_width == pytest.approx(12.7062 * 10, rel=1e-4)
    assert found.values[0] == bd_rate(POINTS, [(1.1 * rate, psnr) for rate, psnr in POINTS]).percent


def test_what_cannot_be_compared():
    with pytest.raises(ValueError, match="no seed is done for both"):
        paired_bd_rates([result(0)], [result(1)])
    with pytest.raises(IncomparableError, match="has 1 of the 4 points"):
        paired_bd_rates([result(0)], [result(0, points=POINTS[:1])])
