"""Photos end to end in one array: what was packed comes out again, and what cannot be is said."""

import numpy as np
import pytest

from cca_jax.image_io.images import ImageError
from train.data.packed import pack_photos

SIZE = 64


class Photos:
    """Photos of these sizes, whose pixels are random; None cannot be decoded."""

    def __init__(self, *shapes):
        self.shapes = shapes

    def __len__(self):
        return len(self.shapes)

    def __getitem__(self, index):
        if self.shapes[index] is None:
            raise ImageError(f"photo {index}: is broken")
        return np.random.default_rng(index).integers(0, 256, (*self.shapes[index], 3), dtype=np.uint8)


def pack(source, tell=print, **options):
    return pack_photos(source, **{"size": SIZE, "weight": "photo", "limit_bytes": 2**22, "tell": tell, **options})


def unpacked(packed, number):
    height, width = packed.heights[number], packed.widths[number]
    words = packed.pixels[packed.offsets[number] :][: height * width]
    return np.stack([words & 255, words >> 8 & 255, words >> 16], axis=-1).reshape(height, width, 3)


def test_every_photo_comes_out_as_it_went_in():
    source = Photos((64, 80), (100, 64), (65, 67))
    packed = pack(source)
    assert packed.count == 3
    for number in range(3):
        np.testing.assert_array_equal(unpacked(packed, number), source[number])


def test_a_small_photo_is_mirrored():
    source = Photos((40, 70))
    photo = unpacked(pack(source), 0)
    assert photo.shape == (64, 70, 3)
    np.testing.assert_array_equal(photo[:40], source[0])
    np.testing.assert_array_equal(photo[40:], source[0][:15:-1])


def test_shares_are_equal_or_of_the_area():
    source = Photos((64, 64), (64, 192))
    np.testing.assert_allclose(pack(source).cumulative[:2], [0.5, 1])
    np.testing.assert_allclose(pack(source, weight="area").cumulative[:2], [0.25, 1])


def test_a_broken_photo_is_named_and_left_out():
    messages = []
    packed = pack(Photos((64, 64), None, (64, 65)), messages.append)
    assert messages == ["photo 1: is broken: not learned from"]
    assert packed.widths[: packed.count].tolist() == [64, 65]
    with pytest.raises(ValueError, match="none of the 1 photos for training can be decoded"):
        pack(Photos(None), messages.append)


def test_a_few_photos_more_make_no_other_shapes():
    few, more = pack(Photos(*[(64, 64)] * 3)), pack(Photos(*[(64, 64)] * 4))
    assert [part.shape for part in few] == [part.shape for part in more]
    assert (few.cumulative[3:] == 1).all()
    roomy = pack(Photos((64, 64)), room=(50_000, 7))
    assert [part.shape for part in roomy] == [(50_000,), (7,), (7,), (7,), (7,), ()]
    assert not roomy.pixels[64 * 64 :].any()


def test_what_does_not_fit_is_refused_before_all_is_decoded():
    source = Photos(*[(64, 64)] * 1000)
    with pytest.raises(ValueError, match=r"the 1000 photos take about 16 MiB .* more than the 3 of --photo-memory"):
        pack(source, limit_bytes=3 * 2**20)
