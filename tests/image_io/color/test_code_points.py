"""Primaries and transfer functions by the numbers of their standards."""

import numpy as np
import pytest

from cca_jax.image_io.color.primaries import PRIMARIES, SRGB_PRIMARIES, to_srgb_matrix, to_xyz_matrix
from cca_jax.image_io.color.spaces import adobe_rgb, coded_space, romm_rgb
from cca_jax.image_io.color.transfer import TRANSFERS, Transfer, encode_srgb, pq_light, pq_signal
from cca_jax.image_io.errors import ImageError

# Signal and light, from the standards' formulae by hand.
VALUES = {
    1: [(0.5, (0.599296826809442 / 1.099296826809442) ** (1 / 0.45)), (0.045, 0.01), (1, 1)],
    4: [(0.5, 0.5**2.2)],
    5: [(0.5, 0.5**2.8)],
    7: [(0.5, (0.611572195921731 / 1.111572195921731) ** (1 / 0.45)), (0.04, 0.01), (1, 1)],
    8: [(0.3, 0.3)],
    9: [(1, 1), (0.5, 0.1), (0, 0)],
    10: [(1, 1), (0.2, 0.01), (0, 0)],
    13: [(0.5, 0.2140411), (0.04, 0.04 / 12.92), (1, 1)],
    16: [(0.5806889, 203 / 10_000), (0.5080784, 0.01), (0.7518271, 0.1), (1, 1), (0, 0)],  # BT.2408, table 1
    17: [(1, 52.37 / 48), (0.5, 52.37 / 48 * 0.5**2.6)],
    18: [(0.5, 1 / 12), (0.25, 1 / 48), (1, 1), (0.75, 0.26496256)],  # 75 %: BT.2408's white
}


@pytest.mark.parametrize("code", VALUES)
def test_transfer_functions(code):
    signal, light = np.array(VALUES[code]).T
    np.testing.assert_allclose(TRANSFERS[code].light(signal), light, rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize("code", TRANSFERS)
def test_transfer_functions_rise_without_a_jump(code):
    light = TRANSFERS[code].light(np.linspace(0, 1, 20_001))
    assert (np.diff(light) >= 0).all()
    assert light[0] == pytest.approx(0, abs=1e-12)
    if code not in (9, 10):  # which cut off the dark
        assert np.diff(light).max() < 0.01


def test_a_table_is_interpolated():
    one = Transfer("table", table=((0.0, 0.2, 1.0),))
    np.testing.assert_allclose(one.light(np.array([0, 0.25, 0.75, 1])), [0, 0.1, 0.6, 1])
    three = Transfer("table", table=((0.0, 1.0), (0.0, 0.5), (1.0, 0.0)))
    np.testing.assert_allclose(three.light(np.array([0.5])), [[0.5, 0.25, 0.5]])


def test_signals_of_srgb():
    light = np.array([-1, 0, 0.0031308, 0.2140411, 1, 2], np.float32)
    np.testing.assert_allclose(encode_srgb(light), [0, 0, 0.04045, 0.5, 1, 1], atol=1e-5)
    assert encode_srgb(light).dtype == np.float32


def test_pq_and_back():
    light = np.array([0, 1e-6, 0.0203, 1])
    np.testing.assert_allclose(pq_light(pq_signal(light)), light, atol=1e-12)


@pytest.mark.parametrize(
    ("code", "luminance"),
    [(1, [0.2126, 0.7152, 0.0722]), (9, [0.2627, 0.6780, 0.0593]), (12, [0.2290, 0.6917, 0.0793])],
)
def test_luminance_of_primaries(code, luminance):
    np.testing.assert_allclose(to_xyz_matrix(PRIMARIES[code])[1], luminance, atol=6e-5)


@pytest.mark.parametrize("code", PRIMARIES)
def test_white_stays_white(code):
    np.testing.assert_allclose(to_srgb_matrix(PRIMARIES[code]).sum(axis=1), [1, 1, 1], atol=1e-9)
    assert PRIMARIES[code].are_sound


def test_bt_2020_to_srgb():
    expected = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]  # BT.2087, inverted
    np.testing.assert_allclose(to_srgb_matrix(PRIMARIES[9]), expected, atol=1.5e-4)


def test_primaries_match_but_for_rounding():
    assert PRIMARIES[1].match(SRGB_PRIMARIES)
    assert not PRIMARIES[6].match(SRGB_PRIMARIES)
    assert not adobe_rgb("").primaries.match(SRGB_PRIMARIES)


@pytest.mark.parametrize(
    ("red", "white"), [((0.15, 0.06), (0.3127, 0.329)), ((0.64, 0.33), (0.3127, 0.0)), ((0.64, 0.33), (0.9, 0.05))]
)
def test_primaries_that_span_nothing(red, white):
    broken = SRGB_PRIMARIES.__class__(red, (0.3, 0.6), (0.15, 0.06), white)
    assert not broken.are_sound


def test_romm_rgb():
    assert romm_rgb("").transfer.light(np.array([1.0, 0.5, 0.01])) == pytest.approx([1, 0.5**1.8, 0.01 / 16])


def test_codes_that_mean_nothing():
    assert coded_space("x", 2, 2) is None
    assert coded_space("x", 1, 13).is_srgb
    assert coded_space("x", 2, 13).is_srgb
    assert coded_space("x", 2, 2, full_range=False).narrow_range
    for codes in ((0, 13), (1, 3), (200, 13)):
        with pytest.raises(ImageError, match="unknown"):
            coded_space("x", *codes)
