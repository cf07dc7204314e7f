"""Many images in one call: the bytes of one-by-one coding, whatever else is in a batch, and what is never batched."""

import numpy as np
import pytest

from cca_jax.bitstream import container
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.codec.tiles.stopwatch import CODER, TRANSFORM, Stopwatch
from cca_jax.entropy_coding import coders
from cca_jax.entropy_coding.errors import CorruptError

pytestmark = pytest.mark.usefixtures("quick_compilation")

SIZES = [(70, 100), (128, 128), (100, 70), (120, 66), (300, 40), (66, 128)]
"""Five of one bucket, 128×128, and one of another."""


def photos(sizes=SIZES):
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (*size, 3)).astype(np.uint8) for size in sizes]


def codec_of(config, params):
    return Codec(Bundle.build("micro", "", config, params, "float16"), coders.get_coder("constriction"))


@pytest.fixture(scope="module", params=["micro_lite", "micro_context"])
def codec(request):
    """Exact scales: of the hyper-latent, and also of the context."""
    return codec_of(request.getfixturevalue(request.param), request.getfixturevalue(f"{request.param}_params"))


@pytest.fixture(scope="module")
def one_by_one(codec):
    return [codec.compress(image, 60) for image in photos()]


def test_batches_are_the_bytes_of_one_by_one_coding(codec, one_by_one):
    assert codec.compress_batch(photos(), 60, batch_size=3) == one_by_one
    assert codec.compress_batch(photos(), 60) == one_by_one  # on a CPU: side by side


def test_pictures_with_boxes_are_batched_too(codec):
    images = photos(SIZES[:4])
    alpha = np.tile(np.arange(128, dtype=np.uint8), (128, 1))
    pictures = [images[0], np.dstack([images[1], alpha]), images[2][..., 0], images[3].astype(np.uint16) * 257]
    files = codec.compress_batch(pictures, 60, batch_size=3)
    assert files == [codec.compress(picture, 60) for picture in pictures]
    assert [container.read_header(data).version for data in files] == [2, 4, 4, 4]


def test_what_else_is_in_a_batch_changes_nothing(codec):
    images = photos()
    whole = codec.compress_batch(images, 60, batch_size=3)
    for number in (0, 3):
        assert codec.compress_batch([images[number]], 60, batch_size=3) == [whole[number]]
    assert codec.compress_batch(images[::-1], 60, batch_size=3) == whole[::-1]


def test_batches_of_files_are_the_images_of_one_by_one_decoding(codec, one_by_one):
    restored = codec.decompress_batch(one_by_one, batch_size=3)
    assert [image.shape[:2] for image in restored] == SIZES
    for image, data in zip(restored, one_by_one, strict=True):
        np.testing.assert_allclose(image.astype(int), codec.decompress(data), atol=1)


def test_batches_of_whole_pictures(codec, one_by_one):
    generator = np.random.default_rng(1)
    alpha = generator.integers(1, 256, (70, 100), dtype=np.uint8)
    transparent = codec.compress(np.dstack([photos()[0], alpha]), 60)
    deep = codec.compress(generator.integers(0, 65536, (70, 100), dtype=np.uint16), 60)
    restored = codec.decode_batch([one_by_one[1], transparent, deep], batch_size=3)
    np.testing.assert_array_equal(restored[1].alpha, alpha)
    assert [photo.pixels.dtype for photo in restored] == [np.uint8, np.uint8, np.uint16]
    assert [photo.gray for photo in restored] == [False, False, True]
    for photo, data in zip(restored, (one_by_one[1], transparent, deep), strict=True):
        np.testing.assert_allclose(photo.pixels.astype(int), codec.decode(data).pixels, atol=1)
    (eight,) = codec.decode_batch([deep], depth=8, batch_size=3)
    np.testing.assert_allclose(eight.pixels.astype(int), codec.decode(deep, depth=8).pixels, atol=1)


def test_qualities_are_kept_apart(codec):
    images = photos()
    files = [codec.compress(image, quality) for image, quality in zip(images, (20, 60, 20, 60, 20, 60), strict=True)]
    for image, data in zip(codec.decompress_batch(files, batch_size=2), files, strict=True):
        np.testing.assert_allclose(image.astype(int), codec.decompress(data), atol=1)


def test_the_parts_are_counted(codec, one_by_one):
    clock = Stopwatch()
    codec.compress_batch(photos(), 60, batch_size=3, clock=clock)
    assert clock.seconds[TRANSFORM] > 0
    assert clock.seconds[CODER] > 0


def test_scales_from_floats_are_never_batched(micro, micro_params):
    codec = codec_of(micro, micro_params)
    images = photos(SIZES[:2])
    assert codec.batch_group(128, 128) is None
    assert codec.batch_size == 1
    assert codec.compress_batch(images, batch_size=2) == [codec.compress(image) for image in images]


def test_what_is_cut_or_searched_for_is_coded_alone(codec):
    assert codec.batch_group(128, 128) is not None
    assert codec.batch_group(128, 128, tile=64) is None
    assert codec.batch_group(128, 128, effort=1) is None


def test_no_images_are_no_files(codec):
    assert codec.compress_batch([]) == []
    assert codec.decompress_batch([]) == []


def test_bad_images_and_files_are_refused(codec, one_by_one):
    with pytest.raises(ValueError, match="uint8"):
        codec.compress_batch([photos()[0], np.zeros((4, 4))])
    with pytest.raises(CorruptError):
        codec.decompress_batch([one_by_one[0], one_by_one[1][:-1]], batch_size=2)
