"""From an image's size to the shape it is computed in. The ladder is part of the format: files depend on it."""

import numpy as np
import pytest

from cca_jax.tiling.buckets import BucketLayout, bucket_side, pad
from cca_jax.tiling.geometry import area_of

LADDER = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128]


def test_a_side_becomes_the_next_of_the_ladder():
    for units in range(1, 129):
        assert bucket_side(units) == min(side for side in LADDER if side >= units)
        assert bucket_side(units) < 1.25 * units
    assert bucket_side(1 << 26) == 1 << 26


def photo(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_padding_repeats_the_border():
    image = photo(3, 65)
    padded = pad(image)
    assert padded.shape == (64, 128, 3)
    np.testing.assert_array_equal(padded[:3, :65], image)
    np.testing.assert_array_equal(padded[3:, :65], np.repeat(image[2:], 61, axis=0))
    np.testing.assert_array_equal(padded[:, 65:], np.repeat(padded[:, 64:65], 63, axis=1))
    assert pad(photo(64, 128)).shape == (64, 128, 3)


@pytest.mark.parametrize(
    ("pixels", "area", "shape"),
    [
        ((1, 1), (1, 1), (1, 1)),
        ((512, 768), (8, 12), (8, 12)),
        ((768, 512), (12, 8), (12, 8)),
        ((513, 1080), (9, 17), (10, 20)),
        ((2730, 4096), (43, 64), (48, 64)),
    ],
)
def test_frames(pixels, area, shape):
    layout = BucketLayout.within(area_of(*pixels), area_of(*pixels))
    assert (layout.area, layout.shape, layout.region.bucket) == (area, shape, shape)
    np.testing.assert_array_equal(layout.region.sides, area)
    exact = BucketLayout.within(area_of(*pixels), area_of(*pixels), bucketed=False)
    assert (exact.area, exact.shape, exact.region) == (area, area, None)


@pytest.mark.parametrize("scale", [1, 4])
def test_a_frame_holds_its_area_at_the_top_left(scale):
    layout = BucketLayout.within((9, 3), (9, 3))
    array = np.arange(1, 1 + 9 * 3 * scale**2 * 2).reshape(1, 9 * scale, 3 * scale, 2)
    full = layout.fill(array)
    assert full.shape == (1, 10 * scale, 3 * scale, 2)
    assert not full[:, 9 * scale :].any()
    np.testing.assert_array_equal(layout.cut(full), array)
    assert layout.cut(full).flags.c_contiguous
