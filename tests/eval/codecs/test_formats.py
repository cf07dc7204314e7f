"""Every conventional codec that is a library: what comes back, what is in the file, and what is refused."""

import functools
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import AvifImagePlugin, Image

from eval.codecs.conventional import UnavailableError
from eval.codecs.interface import CodecError
from eval.codecs.registry import make_codec

PHOTO = Path(__file__).parents[3] / "eval" / "demo" / "kodim23.png"
NAMES = ["jpeg", "webp", "avif", "heic", "jxl"]


@functools.cache
def photo():
    return np.asarray(Image.open(PHOTO).convert("RGB"))[128:256, 256:448]


@pytest.fixture(params=NAMES)
def codec(request):
    return make_or_skip(request.param)


def make_or_skip(name):
    try:
        return make_codec(name)
    except UnavailableError as error:
        pytest.skip(str(error))


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def test_more_rate_brings_more_quality_over_the_range_of_photographs(codec):
    settings = codec.settings[0], codec.settings[len(codec.settings) // 2], codec.settings[-1]
    encoded = [codec.encode(photo(), setting) for setting in settings]
    decoded = [codec.decode(one.data) for one in encoded]
    rates = [8 * len(one.data) / photo()[..., 0].size for one in encoded]
    qualities = [psnr(photo(), one.pixels) for one in decoded]
    assert rates == sorted(rates)
    assert rates[0] < 0.4
    assert rates[-1] > 0.6  # a smooth photo: on others the range reaches 1.5
    assert qualities == sorted(qualities)
    assert qualities[-1] > 35
    for one in (*encoded, *decoded):
        assert set(one.seconds) == {"total"}
        assert one.seconds["total"] > 0


@pytest.mark.parametrize(("height", "width"), [(1, 1), (17, 65)])
def test_any_size_comes_back_and_bytes_repeat(codec, height, width):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    encoded = codec.encode(image, codec.settings[-1])
    assert codec.encode(image, codec.settings[-1]).data == encoded.data
    pixels = codec.decode(encoded.data).pixels
    assert (pixels.shape, pixels.dtype) == (image.shape, np.uint8)


def test_files_carry_no_metadata(codec):
    data = codec.encode(photo(), codec.settings[0]).data
    for word in (b"exif", b"iccp", b"icc_profile", b"prof", b"xmp", b"adobe"):
        assert word not in data.lower()


@pytest.mark.parametrize(("name", "kept"), [("jpeg", False), ("webp", False), ("avif", True), ("heic", True)])
def test_chroma_is_halved_where_it_is_said_to_be_and_only_there(name, kept):
    codec = make_or_skip(name)
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, ::2], image[:, 1::2] = (200, 60, 60), (60, 111, 60)  # stripes one pixel wide, of about equal luma
    pixels = codec.decode(codec.encode(image, 95).data).pixels.astype(int)
    contrast = (pixels[:, ::2] - pixels[:, 1::2])[..., 0].mean()
    assert (contrast > 100) == kept


def test_jpeg_tables_are_made_for_the_image():
    plain = io.BytesIO()
    Image.fromarray(photo()).save(plain, "JPEG", quality=50, subsampling="4:2:0")
    assert len(make_codec("jpeg").encode(photo(), 50).data) < len(plain.getvalue())


def test_heic_leaves_the_process_as_it_was():
    codec = make_or_skip("heic")
    import pillow_heif

    threads = pillow_heif.options.DECODE_THREADS
    codec.decode(codec.encode(photo(), 10).data)
    assert threads == pillow_heif.options.DECODE_THREADS
    assert ".heic" not in Image.registered_extensions()


def test_a_decoder_that_fails_leaves_the_threads_as_they_were():
    codec = make_or_skip("avif")
    before = AvifImagePlugin.DEFAULT_MAX_THREADS
    with pytest.raises(CodecError, match=r"^AVIF: "):
        codec.decode(b"no image")
    assert before == AvifImagePlugin.DEFAULT_MAX_THREADS


@pytest.mark.parametrize("image", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_only_8_bit_rgb_is_taken(image):
    with pytest.raises(ValueError, match="expected an image uint8"):
        make_codec("jpeg").encode(image, 50)


@pytest.mark.parametrize("setting", [0, 101, 50.5])
def test_only_its_settings_are_taken(setting):
    with pytest.raises(ValueError, match="quality must be a whole number, 1 to 100, not"):
        make_codec("jpeg").encode(photo(), setting)


def test_what_an_encoder_refuses_is_one_line():
    too_wide = np.zeros((1, 16384, 3), np.uint8)
    with pytest.raises(CodecError, match=r"^WebP: [^\n]+$"):
        make_or_skip("webp").encode(too_wide, 50)
