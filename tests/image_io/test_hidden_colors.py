"""Colours under full transparency: what is seen stays, what is hidden becomes smooth."""

import numpy as np
import pytest

from cca_jax.image_io.hidden_colors import fill_hidden

DRAW = np.random.default_rng(0)


def ring(side=96):
    """Alpha that is 0 in a hole, opaque around it, and 0 again in one corner."""
    alpha = np.full((side, side), 255, np.uint8)
    alpha[30:70, 20:60] = 0
    alpha[-10:, -10:] = 0
    return alpha


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_seen_stays_and_noise_that_is_hidden_goes(dtype):
    most, alpha = np.iinfo(dtype).max, ring()
    ramp = np.broadcast_to(np.linspace(0.2 * most, 0.8 * most, 96)[:, None], (96, 96, 3))
    noise = DRAW.integers(0, most, ramp.shape, endpoint=True)
    pixels = np.where(alpha[..., None] == 0, noise, ramp).astype(dtype)
    filled = fill_hidden(pixels, alpha)
    assert filled.dtype == dtype
    np.testing.assert_array_equal(filled[alpha > 0], pixels[alpha > 0])
    # It continues the ramp: no further from it than a fifth of its range, and without steps.
    assert np.abs(filled / most - ramp / most).max() < 0.15
    assert np.abs(np.diff(filled / most, axis=0)).max() < 0.1


def test_hidden_colors_have_no_part_in_the_result():
    alpha = ring()
    one, other = (DRAW.integers(0, 256, (96, 96, 3), dtype=np.uint8) for _ in range(2))
    other = np.where(alpha[..., None] == 0, other, one)
    np.testing.assert_array_equal(fill_hidden(one, alpha), fill_hidden(other, alpha))


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 3), (64, 65)])
def test_one_pixel_that_is_seen_colors_all(shape):
    pixels = DRAW.integers(0, 65536, (*shape, 3), dtype=np.uint16)
    alpha = np.zeros(shape, np.uint16)
    alpha[-1, -1] = 1
    np.testing.assert_array_equal(fill_hidden(pixels, alpha), np.broadcast_to(pixels[-1, -1], pixels.shape))


def test_pictures_that_are_opaque_or_empty():
    pixels = DRAW.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    assert fill_hidden(pixels, None) is pixels
    assert fill_hidden(pixels, np.ones((4, 5), np.uint8)) is pixels
    assert not fill_hidden(pixels, np.zeros((4, 5), np.uint8)).any()
