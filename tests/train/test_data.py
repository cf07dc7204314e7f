import numpy as np
import pytest
from PIL import Image

from train.data import centre_crops, load_photos, random_crops, split_photos


def photo(height, width, tag=0):
    """Every pixel says where it is: (row, column, which photo)."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows, columns, np.full_like(rows, tag)], axis=-1).astype(np.uint8)


def test_photos_are_read_in_the_order_of_their_names_and_the_rest_is_reported(tmp_path):
    for name, height, width, tag in (("b.png", 70, 64, 2), ("a.png", 64, 90, 1), ("small.png", 63, 200, 3)):
        Image.fromarray(photo(height, width, tag)).save(tmp_path / name)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n no more")
    photos, skipped = load_photos(tmp_path, 64)
    assert [p.shape for p in photos] == [(64, 90, 3), (70, 64, 3)]
    np.testing.assert_array_equal(photos[1], photo(70, 64, 2))
    assert len(skipped) == 2
    assert "broken.png" in skipped[0]
    assert "small.png: 200×63 is smaller than a crop of 64" in skipped[1]


def test_a_folder_without_a_usable_photo_is_an_error(tmp_path):
    Image.fromarray(photo(32, 32)).save(tmp_path / "small.png")
    with pytest.raises(ValueError, match="no photo with sides of at least 64 pixels"):
        load_photos(tmp_path, 64)


def test_held_out_photos_are_spread_and_not_trained_on():
    photos = [photo(2, 2, tag) for tag in range(10)]
    training, held_out = split_photos(photos, 3)
    assert [p[0, 0, 2] for p in held_out] == [0, 4, 9]
    assert [p[0, 0, 2] for p in training] == [1, 2, 3, 5, 6, 7, 8]


@pytest.mark.parametrize("count", [0, 3, 4])
def test_some_photos_must_be_left_on_both_sides(count):
    with pytest.raises(ValueError, match=f"{count} of 3 photos cannot be held out"):
        split_photos([photo(2, 2)] * 3, count)


def crops(seed, step, batch=64):
    return random_crops([photo(20, 40, 1), photo(30, 16, 2), photo(16, 16, 3)], seed, step, batch, 16)


def test_crops_are_connected_pieces_of_the_photos_in_range():
    found = crops(0, 0)
    assert found.shape == (64, 16, 16, 3)
    assert found.dtype == np.float32
    rows, columns, tags = np.moveaxis(np.round(found * 255), -1, 0)
    assert (np.diff(rows, axis=1) == 1).all()
    assert (np.diff(columns, axis=2) == 1).all()
    assert (tags == tags[:, :1, :1]).all()
    assert set(tags.ravel()) == {1, 2, 3}
    first = tags[:, 0, 0] == 1
    assert rows[first, 0, 0].min() == 0  # both ends of a photo can be reached
    assert rows[first, -1, 0].max() == 19
    assert 0 < np.unique(columns[first, 0, 0]).size <= 25


def test_crops_are_a_function_of_seed_and_step():
    np.testing.assert_array_equal(crops(0, 5), crops(0, 5))
    assert (crops(0, 5) != crops(0, 6)).any()
    assert (crops(0, 5) != crops(1, 5)).any()
    assert (crops(0, 1) != crops(1, 0)).any()


def test_crops_fill_zero_to_one():
    white = np.full((16, 16, 3), 255, np.uint8)
    assert (random_crops([white], 0, 0, 1, 16) == 1).all()
    assert (random_crops([white * 0], 0, 0, 1, 16) == 0).all()


def test_centre_crops_take_the_middle():
    found = np.round(centre_crops([photo(20, 40), photo(16, 17)], 16) * 255)
    assert found.shape == (2, 16, 16, 3)
    np.testing.assert_array_equal(found[0, 0, 0, :2], [2, 12])
    np.testing.assert_array_equal(found[1, -1, -1, :2], [15, 15])
