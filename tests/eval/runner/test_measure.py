"""One measurement by hand: figures, times without compilation, memory, and a codec that gives back another size."""

import math
import mmap
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from eval.codecs.interface import CodecError, Decoded
from eval.runner.compilation import steady
from eval.runner.images import LoadedImage
from eval.runner.measure import measure
from eval.runner.memory import with_peak


@pytest.fixture
def image():
    return LoadedImage("a.png", np.random.default_rng(0).integers(0, 256, (10, 20, 3), dtype=np.uint8), ())


def test_a_record_by_hand(image, counting_codec, tmp_path):
    codec = counting_codec(kind="ours")
    record, compiling = measure(codec, image, 4.0, tmp_path / "coded", estimate=True)
    data = (tmp_path / "coded").read_bytes()
    error = (image.pixels % 16).astype(float)
    assert (record.image, record.codec, record.setting) == ("a.png", "fake", 4.0)
    assert (record.width, record.height, record.bytes) == (20, 10, len(data))
    assert record.bits_per_pixel == 8 * len(data) / 200
    assert record.psnr == pytest.approx(10 * math.log10(255**2 / np.mean(error**2)), abs=1e-4)
    assert (record.ms_ssim, record.ms_ssim_db) == (None, None)
    assert record.bits_per_slice == (8, 8 * len(data) - 8)
    assert record.estimated_bits_per_pixel == (100 + 28 + 64) / 200
    assert (record.encode_seconds["total"], record.encode_seconds["file"] > 0) == (0.25, True)
    assert (record.decode_seconds["total"], record.decode_seconds["file"] > 0) == (0.5, True)
    assert record.decode_seconds["coder"] == 0.25
    assert compiling == 0


def test_what_came_back_identical_has_no_finite_psnr(image, counting_codec, tmp_path):
    record, _ = measure(counting_codec(), image, 8.0, tmp_path / "coded")
    assert (record.psnr, record.estimated_bits_per_pixel, record.peak_memory_bytes) == (None, None, None)


def test_ms_ssim_and_its_decibels(counting_codec, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (176, 176, 3), dtype=np.uint8)
    record, _ = measure(counting_codec(), LoadedImage("a", pixels, ()), 4.0, tmp_path / "coded")
    assert 0.9 < record.ms_ssim < 1
    assert record.ms_ssim_db == pytest.approx(-10 * math.log10(1 - record.ms_ssim))
    record, _ = measure(counting_codec(), LoadedImage("a", pixels, ()), 8.0, tmp_path / "coded")
    assert (record.ms_ssim, record.ms_ssim_db) == (1.0, None)


def test_another_size_is_refused(image, counting_codec, tmp_path):
    class Cropping(counting_codec):
        def decode(self, data):
            return Decoded(super().decode(data).pixels[1:], {"total": 1.0})

    with pytest.raises(CodecError, match="another size"):
        measure(Cropping(), image, 4.0, tmp_path / "coded")


def test_a_call_that_compiles_is_made_again():
    made = []

    def call():
        made.append(None)
        return int(jax.jit(double)(jnp.arange(3)).sum())

    def double(x):
        return 2 * x

    value, compiling = steady(call)
    assert (value, len(made)) == (6, 2)
    assert compiling > 0
    assert steady(call) == (6, 0.0)
    assert len(made) == 3


def test_a_call_that_always_compiles_has_no_time():
    with pytest.raises(RuntimeError, match="each compiled"):
        steady(lambda: jax.jit(lambda x: x + 1)(jnp.arange(3)))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_the_peak_is_that_of_the_call():
    size = 1 << 26

    def fill():
        with mmap.mmap(-1, size) as fresh:  # an array may lie where this process had memory before
            fresh.write(bytes([1]) * size)

    _, large = with_peak(fill)
    _, small = with_peak(lambda: None)
    assert large > small + size // 2
