"""The best file of at most a size, against a search of every setting."""

from types import SimpleNamespace

import numpy as np
import pytest

from eval.codecs.at_size import encode_at_most
from eval.codecs.interface import Encoded
from eval.codecs.registry import make_codec

SIZES = {51: 10, 40: 20, 39: 20, 22: 35, 1: 90}  # by QP: from low rate to high, two alike


@pytest.fixture
def codec():
    return SimpleNamespace(
        all_settings=tuple(SIZES), encode=lambda pixels, qp: Encoded(bytes(SIZES[qp]), {"total": 1.0})
    )


@pytest.mark.parametrize("limit", range(10, 92))
def test_it_is_the_largest_that_fits(codec, limit):
    setting, encoded = encode_at_most(codec, None, limit)
    assert setting == [qp for qp, size in SIZES.items() if size <= limit][-1]
    assert len(encoded.data) == SIZES[setting]


def test_where_nothing_fits_it_is_the_smallest(codec):
    setting, encoded = encode_at_most(codec, None, 9)
    assert (setting, len(encoded.data)) == (51, 10)


def test_a_real_codec_is_asked_seldom():
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    codec = make_codec("jpeg")
    calls = []

    def encode(pixels, quality):
        calls.append(quality)
        return codec.encode(pixels, quality)

    limit = len(codec.encode(image, 60).data)
    counted = SimpleNamespace(all_settings=codec.all_settings, encode=encode)
    quality, encoded = encode_at_most(counted, image, limit)
    assert quality >= 60
    assert len(encoded.data) <= limit
    assert len(calls) <= 8
