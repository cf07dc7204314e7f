"""JPEG at the size of another file, against a search of every quality."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval.jpeg import encode_jpeg, jpeg_at_most

PHOTO = Path(__file__).parents[2] / "eval" / "data" / "kodim23.png"


@pytest.fixture(scope="module")
def photo():
    return np.asarray(Image.open(PHOTO).convert("RGB"))[:256, :384]


@pytest.fixture(scope="module")
def sizes(photo):
    return [len(encode_jpeg(photo, quality)) for quality in range(1, 101)]


@pytest.mark.parametrize("quality", [1, 7, 40, 93, 100])
@pytest.mark.parametrize("slack", [0, -1, 1])
def test_it_is_the_largest_quality_that_fits(photo, sizes, quality, slack):
    limit = sizes[quality - 1] + slack
    fitting = [q for q, size in enumerate(sizes, start=1) if size <= limit]
    result = jpeg_at_most(photo, limit)
    assert result.quality == max(fitting, default=1)
    assert result.data == encode_jpeg(photo, result.quality)


def test_the_pixels_are_those_of_the_file(photo):
    result = jpeg_at_most(photo, 8000)
    assert len(result.data) <= 8000
    np.testing.assert_array_equal(result.pixels, np.asarray(Image.open(io.BytesIO(result.data))))
    assert np.abs(result.pixels.astype(int) - photo).mean() < 10


def test_where_nothing_fits_it_is_quality_one(photo):
    result = jpeg_at_most(photo, 10)
    assert result.quality == 1
    assert len(result.data) > 10


def test_chroma_is_halved_and_tables_are_optimised(photo):
    with Image.open(io.BytesIO(encode_jpeg(photo, 50))) as image:
        assert [component[1:3] for component in image.layer] == [(2, 2), (1, 1), (1, 1)]
    plain = io.BytesIO()
    Image.fromarray(photo).save(plain, "JPEG", quality=50, subsampling="4:2:0")
    assert len(encode_jpeg(photo, 50)) < len(plain.getvalue())


@pytest.mark.parametrize("image", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)])
def test_only_8_bit_rgb_is_taken(image):
    with pytest.raises(ValueError, match="expected an image uint8"):
        jpeg_at_most(image, 100)
