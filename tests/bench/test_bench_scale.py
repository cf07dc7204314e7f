"""The model of the cost finds what runs were made of."""

import pytest

from bench.bulk.scale import ScaleFigures, bucket_pixels, fit


def run(images, side, start=1.5, image=0.004, pixel=6e-7):
    seconds = start + image * images + pixel * images * bucket_pixels(side)
    return ScaleFigures(images, side, seconds, 0, 0.0, 0)


def test_the_model_is_that_of_the_runs():
    model = fit([run(100, 64), run(1000, 64), run(10000, 64), run(300, 256), run(100, 500)])
    assert (model.start, model.image, model.pixel) == pytest.approx((1.5, 0.004, 6e-7))
    assert model.error < 1e-9
    assert model.seconds(1e6, 4e11) == pytest.approx(1.5 + 4000 + 240_000)


def test_a_crop_costs_the_pixels_of_its_bucket():
    assert bucket_pixels(64) == 64 * 64
    assert bucket_pixels(65) == 128 * 128
    assert bucket_pixels(9 * 64) == (10 * 64) ** 2
