import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cca_jax.entropy_coding import tables
from cca_jax.entropy_coding.tables import TOTAL, CodingTables

probabilities = hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1).map(lambda u: u**8)).filter(
    lambda pmf: pmf.sum() > 0
)


def normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def raw(cdf=(0, 5, TOTAL, 0, TOTAL), starts=(0, 3, 5), minimum=(-1, 4)):
    return {
        "cdf": np.array(cdf, np.int32),
        "starts": np.array(starts, np.int32),
        "minimum": np.array(minimum, np.int32),
    }


@pytest.mark.parametrize(
    ("pmf", "counts"),
    [
        ([1.0], [TOTAL]),
        ([1.0, 0.0], [TOTAL - 1, 1]),
        ([0.0, 3.0, 0.0], [1, TOTAL - 2, 1]),
        ([0.25, 0.25, 0.25, 0.25], [16384, 16384, 16384, 16384]),
        ([0.5, 0.25, 0.25], [32768, 16384, 16384]),
        ([1.0, 1.0, 1.0], [21846, 21845, 21845]),  # the one that is left over goes to the first of equals
    ],
)
def test_quantize_pmf_of_known_distributions(pmf, counts):
    np.testing.assert_array_equal(np.diff(tables.quantize_pmf(np.array(pmf))), counts)


@settings(deadline=None, max_examples=60)
@given(probabilities)
def test_quantize_pmf_is_optimal(pmf):
    # The objective is convex and separable, so a point that no exchange of one count improves is the global optimum.
    counts = np.diff(tables.quantize_pmf(pmf)).astype(np.float64)
    assert counts.min() >= 1
    assert counts.sum() == TOTAL
    pmf = pmf / pmf.sum()
    gain_of_one_more = pmf * np.log1p(1 / counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        loss_of_one_less = np.where(counts > 1, -pmf * np.log1p(-1 / counts), np.inf)
    assert gain_of_one_more.max() <= loss_of_one_less.min() * (1 + 1e-9)


def test_quantize_pmf_fills_the_largest_alphabet():
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(tables.quantize_pmf(rng.random(TOTAL)), np.arange(TOTAL + 1))


@pytest.mark.parametrize(
    "pmf", [[], [[0.5, 0.5]], [0.0, 0.0], [-0.1, 1.1], [np.nan, 1.0], [np.inf, 1.0], np.ones(TOTAL + 1)]
)
def test_quantize_pmf_refuses(pmf):
    with pytest.raises(ValueError, match="probabilit"):
        tables.quantize_pmf(np.array(pmf))


def test_gaussian_tables_cover_all_but_the_tail_mass():
    scales = tables.scale_table()
    gaussians = tables.gaussian_tables(scales)
    assert gaussians.count == 64
    for sigma, minimum, size in zip(scales.astype(float), gaussians.minimum, gaussians.sizes, strict=True):
        m = -int(minimum)
        assert size == 2 * m + 2  # -m … m and the escape
        assert 2 * normal_cdf(-(m + 0.5) / sigma) <= 1e-9
        assert m == 0 or 2 * normal_cdf(-(m - 0.5) / sigma) > 1e-9


@pytest.mark.parametrize("scale", [0.11, 0.5, 3.7, 256.0])
def test_laplacian_tables_hold_the_integrals_and_all_but_the_tail_mass(scale):
    one = tables.laplacian_tables(np.array([scale]), 1e-6)
    m = -int(one.minimum[0])
    assert one.sizes[0] == 2 * m + 2
    assert math.exp(-2 * (m + 0.5) / scale) <= 1e-6
    assert m == 0 or math.exp(-2 * (m - 0.5) / scale) > 1e-6
    distances = np.abs(np.arange(-m, m + 1))
    tails = [0.5 * np.exp(-2 * np.abs(distances + side) / scale) for side in (-0.5, 0.5)]
    expected = np.where(distances == 0, 1 - 2 * tails[1], tails[0] - tails[1])
    counts = np.diff(one.row(0))[:-1]
    likely = expected * TOTAL > 8
    np.testing.assert_allclose(counts[likely], expected[likely] * TOTAL, rtol=0.03, atol=1)


@pytest.mark.parametrize("sigma", [0.11, 0.5, 3.7, 256.0])
def test_gaussian_tables_hold_the_integrals_over_unit_bins(sigma):
    one = tables.gaussian_tables(np.array([sigma]))
    symbols = np.arange(one.minimum[0], -one.minimum[0] + 1)
    expected = np.array([normal_cdf((0.5 - abs(k)) / sigma) - normal_cdf((-0.5 - abs(k)) / sigma) for k in symbols])
    counts = np.diff(one.row(0))
    likely = expected * TOTAL > 8
    # The floor of one count for the tails takes up to 3 % from the rest at the widest scale.
    np.testing.assert_allclose(counts[:-1][likely], expected[likely] * TOTAL, rtol=0.03, atol=1)
    assert np.abs(counts[:-1] - counts[:-1][::-1]).max() <= 1
    redundancy = np.sum(expected * np.log2(expected * TOTAL / counts[:-1]))
    assert 0 <= redundancy < 0.005 * (1 - np.sum(expected * np.log2(expected)))


@pytest.mark.parametrize("scales", [[0.0], [-1.0], [np.nan], [np.inf]])
def test_gaussian_tables_refuse_impossible_scales(scales):
    with pytest.raises(ValueError, match="scales must be"):
        tables.gaussian_tables(np.array(scales))


def test_tables_from_pmfs_give_the_rest_to_the_escape():
    some = tables.tables_from_pmfs([np.array([0.5, 0.25]), np.zeros(0), np.array([1.0])], [-3, 7, 0])
    np.testing.assert_array_equal(some.row(0), [0, 32768, 49152, TOTAL])
    np.testing.assert_array_equal(some.row(1), [0, TOTAL])
    np.testing.assert_array_equal(some.row(2), [0, TOTAL - 1, TOTAL])
    np.testing.assert_array_equal(some.minimum, [-3, 7, 0])
    np.testing.assert_array_equal(some.sizes, [3, 1, 2])


@pytest.mark.parametrize("pmf", [[0.7, 0.7], [np.nan], [-0.5, 0.5]])
def test_tables_from_pmfs_refuse(pmf):
    with pytest.raises(ValueError, match="probabilities"):
        tables.tables_from_pmfs([np.array(pmf)], [0])


def test_tables_from_pmfs_refuse_unpaired_minimums():
    with pytest.raises(ValueError, match="do not go with"):
        tables.tables_from_pmfs([np.array([1.0])], [0, 1])


def test_scale_table_is_logarithmic():
    scales = tables.scale_table()
    assert scales.dtype == np.float32
    assert len(scales) == 64
    assert scales[0] == np.float32(0.11)
    assert scales[-1] == 256
    np.testing.assert_allclose(scales[1:] / scales[:-1], (256 / 0.11) ** (1 / 63), rtol=1e-6)


def test_arrays_round_trip_and_are_frozen():
    before = tables.gaussian_tables(tables.scale_table(8))
    after = CodingTables.from_arrays(before.to_arrays())
    for name, array in before.to_arrays().items():
        assert array.dtype == np.int32
        np.testing.assert_array_equal(getattr(after, name), array)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    mine = raw()
    copy = CodingTables(**mine)
    mine["cdf"][1] = 77
    assert copy.cdf[1] == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cdf": (1, 5, TOTAL, 0, TOTAL)}, "begin at 0"),
        ({"cdf": (0, 5, TOTAL, 0, TOTAL - 1)}, "end at 65536"),
        ({"cdf": (0, TOTAL, TOTAL, 0, TOTAL)}, "rise strictly"),
        ({"cdf": (0, -5, TOTAL, 0, TOTAL)}, "rise strictly"),
        ({"cdf": (0, -(2**31), TOTAL, 0, TOTAL)}, "rise strictly"),
        ({"starts": (0, 3, 6)}, "row boundaries"),
        ({"starts": (1, 3, 5)}, "row boundaries"),
        ({"starts": (0, 4, 5)}, "row boundaries"),
        ({"starts": (0, -(2**31), 5)}, "row boundaries"),
        ({"starts": (0, 5)}, "row boundaries"),
        ({"starts": (0,), "minimum": (), "cdf": ()}, "row boundaries"),
        ({"minimum": (-1, 2**31 - 1)}, "32-bit"),
    ],
)
def test_strangers_tables_are_checked(change, message):
    CodingTables(**raw())
    with pytest.raises(ValueError, match=message) as caught:
        CodingTables(**raw(**change))
    assert "\n" not in str(caught.value)


def test_strangers_arrays_are_checked():
    arrays = raw()
    with pytest.raises(ValueError, match="must be int32"):
        CodingTables.from_arrays({**arrays, "cdf": arrays["cdf"].astype(np.int64)})
    with pytest.raises(ValueError, match="must be int32"):
        CodingTables.from_arrays({**arrays, "starts": arrays["starts"][None]})
    with pytest.raises(ValueError, match="expected the arrays"):
        CodingTables.from_arrays({"cdf": arrays["cdf"]})
    with pytest.raises(ValueError, match="expected the arrays"):
        CodingTables.from_arrays({**arrays, "more": arrays["cdf"]})


def test_typical_scales_lie_between_neighbors_and_the_lowest_stays():
    scales = tables.scale_table()
    typical = tables.typical_scales(scales)
    assert typical[0] == scales[0]
    np.testing.assert_allclose(typical[1:] / scales[:-1], scales[1:] / typical[1:], rtol=1e-6)


def test_typical_scales_cost_less_than_their_upper_ends():
    """Over σ spread evenly in the logarithm between two scales: the ideal code length of unit-bin Gaussians."""
    scales = tables.scale_table()
    for upper in (5, 20, 40):
        sigmas = np.geomspace(scales[upper - 1], scales[upper], 9)
        lengths = []
        for candidates in (tables.typical_scales(scales), scales):
            table = tables.gaussian_tables(candidates[upper : upper + 1].astype(np.float64))
            pmf, reach = np.diff(table.row(0))[:-1] / TOTAL, -int(table.minimum[0])
            lengths.append(sum(_cross_entropy(sigma, pmf, reach) for sigma in sigmas))
        assert lengths[0] < lengths[1]


def _cross_entropy(sigma, pmf, reach):
    edges = np.arange(-reach, reach + 2) - 0.5
    mass = np.diff([0.5 * math.erfc(-edge / (sigma * math.sqrt(2))) for edge in edges])
    return -(mass * np.log2(pmf)).sum()
