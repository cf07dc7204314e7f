import numpy as np
import pytest

from cca_jax.image_io.images import ImageError
from train.data import center_crops


class Damaged(list):
    def __getitem__(self, index):
        if super().__getitem__(index) is None:
            raise ImageError(f"photo {index}: cannot be decoded")
        return super().__getitem__(index)


def test_the_middle_of_each_photo_in_multiples_of_64(photo):
    messages = []
    crops = center_crops(Damaged([photo(200, 220, 1), None, photo(1, 1, 3)]), 191, messages.append)
    assert crops.shape == (2, 128, 128, 3)
    assert crops.dtype == np.uint8
    assert crops[0, 0, 0].tolist() == [36, 46, 1]
    assert (crops[1] == [0, 0, 3]).all()
    assert messages == ["photo 1: cannot be decoded: not validated on"]


def test_no_crops_is_an_error(photo):
    with pytest.raises(ValueError, match="sides of at least 64 pixels, got 63"):
        center_crops([photo(99, 99)], 63, print)
    with pytest.raises(ValueError, match="none of the 1 photos for validation can be decoded"):
        center_crops(Damaged([None]), 64, [].append)
