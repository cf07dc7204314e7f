"""Tone mapping: what is no brighter than white stays, the brightest becomes white, colours keep their ratios."""

import numpy as np
import pytest

from cca_jax.image_io.color.primaries import PRIMARIES
from cca_jax.image_io.color.tone_mapping import WHITE, display_light, fit


def greys(*light):
    return np.array(light, float)[:, None].repeat(3, axis=1)


def test_a_picture_within_the_display_stays():
    np.testing.assert_allclose(fit(greys(0, 50, 203), 203.0), greys(0, 50 / 203, 1))
    np.testing.assert_allclose(fit(greys(0, 50), 50.0), greys(0, 50 / 203))


@pytest.mark.parametrize("peak", [400.0, 1000.0, 4000.0, 10_000.0])
def test_the_curve(peak):
    light = np.concatenate([[0], np.geomspace(0.01, peak, 2000)])
    mapped = fit(greys(*light), peak)[:, 0]
    assert mapped[-1] == pytest.approx(1, abs=1e-6)
    assert (np.diff(mapped) > 0).all()
    assert (mapped * WHITE <= light + 1e-6).all()  # nothing becomes brighter
    dark = light < 20
    np.testing.assert_allclose(mapped[dark] * WHITE, light[dark], rtol=1e-6)


def test_the_knee_of_bt_2390():
    # From 1000 to 203 cd/m²: PQ(203) / PQ(1000) = 0.5806889 / 0.7518271 = 0.77237, so the knee is at 0.65855 of the
    # signal: PQ⁻¹(0.65855 · 0.7518271) = 88.4 cd/m².
    below, above = fit(greys(88, 95), 1000.0)[:, 0] * WHITE
    assert below == pytest.approx(88, rel=1e-4)
    assert above < 94.999


def test_ratios_of_channels_stay():
    light = np.array([[1000.0, 500.0, 0.0], [10.0, 5.0, 1.0]])
    mapped = fit(light, 1000.0)
    np.testing.assert_allclose(mapped[0], [1, 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(mapped[1], light[1] / WHITE, rtol=1e-6)


def test_light_of_hlg():
    # BT.2100: F = 1000 · Y^0.2 · E. At 75 % of the signal E = 0.26496, a grey of 203 cd/m² (BT.2408).
    light = display_light(greys(0, 0.26496256, 1), "hlg", PRIMARIES[9])
    np.testing.assert_allclose(light, greys(0, 203.1, 1000), rtol=1e-3)


def test_light_of_pq():
    np.testing.assert_allclose(display_light(greys(0.0203), "pq", PRIMARIES[9]), greys(203))
