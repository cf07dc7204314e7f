import numpy as np
import pytest

from train.data.crops import center_crop, extend, random_crop


def places(photo, height, width, size, count=300):
    """Upper left corners of many crops, each of which must be one connected piece."""
    generator = np.random.default_rng(0)
    corners = set()
    for _ in range(count):
        crop = random_crop(photo(height, width, 7), size, generator)
        top, left, _ = (int(value) for value in crop[0, 0])
        np.testing.assert_array_equal(crop, photo(height, width, 7)[top : top + size, left : left + size])
        corners.add((top, left))
    return corners


def test_random_crops_are_pieces_from_every_place(photo):
    assert places(photo, 10, 9, 8) == {(top, left) for top in range(3) for left in range(2)}


def test_a_photo_of_the_crop_s_size_is_the_crop(photo):
    assert places(photo, 8, 8, 8, count=3) == {(0, 0)}


def test_only_the_short_side_is_extended(photo):
    crop = random_crop(photo(5, 40), 8, np.random.default_rng(1))
    assert crop.shape == (8, 8, 3)
    assert crop[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 4, 3, 2]
    assert (np.diff(crop[..., 1].astype(int), axis=1) == 1).all()


@pytest.mark.parametrize(
    ("length", "rows"), [(1, [0] * 7), (2, [0, 1, 1, 0, 0, 1, 1]), (3, [0, 1, 2, 2, 1, 0, 0]), (7, list(range(7)))]
)
def test_small_photos_are_mirrored_as_often_as_needed(photo, length, rows):
    extended = extend(photo(length, 9), 7)
    assert extended.shape == (7, 9, 3)
    assert extended[:, 4, 0].tolist() == rows


def test_crops_do_not_hold_on_to_their_photo(photo):
    pixels = photo(8, 8)
    for crop in (random_crop(pixels, 8, np.random.default_rng(0)), center_crop(pixels, 8)):
        assert not np.shares_memory(crop, pixels)


def test_center_crops_take_the_middle(photo):
    assert center_crop(photo(20, 40), 16)[0, 0].tolist() == [2, 12, 0]
    assert center_crop(photo(16, 17), 16)[-1, -1].tolist() == [15, 15, 0]
