"""The colour conversion against the definition in BT.709, and that it loses nothing."""

import numpy as np
import pytest

from eval.codecs.ycbcr import planes_from_rgb, rgb_from_planes


@pytest.mark.parametrize(
    ("rgb", "ycbcr"),
    [
        ((0, 0, 0), (0, 512, 512)),
        ((255, 255, 255), (1023, 512, 512)),
        ((255, 0, 0), (217, 395, 1023)),  # Y = .2126·1023; Cb = 512 - .2126/1.8556·1023; Cr = 512 + 511.5, clipped
        ((0, 0, 255), (74, 1023, 465)),
        ((0, 255, 0), (732, 118, 47)),
    ],
)
def test_primaries(rgb, ycbcr):
    planes = planes_from_rgb(np.array(rgb, np.uint8).reshape(1, 1, 3))
    assert planes.dtype == np.uint16
    np.testing.assert_array_equal(planes[:, 0, 0], ycbcr)


def test_every_step_of_every_channel_returns_exactly():
    levels = np.r_[0:256:5, 254].astype(np.uint8)
    colors = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(len(levels), -1, 3)
    np.testing.assert_array_equal(rgb_from_planes(planes_from_rgb(colors)), colors)
