"""MS-SSIM against frozen values of pytorch-msssim 1.0.0; PSNR and MSE by hand; limits, gradients, refusals."""

import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError
from PIL import Image

from cca_jax.objective import metrics

# Where annotations are checked as the tests run, they refuse first.
REFUSED = (ValueError, TypeCheckError)

ms_ssim = jax.jit(metrics.ms_ssim, static_argnames="data_range")


def waves(height, width):
    """A smooth picture in [0,1], [H,W,3]."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [0.5 + 0.4 * np.sin(x / (11.0 + 4 * k) + k) * np.cos(y / (17.0 - 3 * k) - k) for k in range(3)]
    return np.stack(planes, axis=-1)


def distorted(picture, kind):
    """The same picture with noise, faded, or in negative."""
    if kind == "noise":
        y, x = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float64)
        hashed = np.stack([np.sin(12.9898 * x + 78.233 * y + 37.7 * k) * 43758.5453 for k in range(3)], axis=-1)
        return np.clip(picture + 0.4 * (hashed - np.floor(hashed) - 0.5), 0, 1)
    return {"fade": 0.2 + 0.5 * picture, "negative": 1 - picture}[kind]


def pair(height, width, kind):
    """Two batches of one 8-bit image."""
    picture = waves(height, width)
    return tuple(jnp.asarray(np.round(255 * p).astype(np.uint8))[None] for p in (picture, distorted(picture, kind)))


# Frozen with pytorch_msssim.ms_ssim(double, data_range=255, size_average=False); change only if that package changes.
GOLDEN = [
    (176, 176, "noise", 0.8188914702466049),
    (177, 181, "noise", 0.8178688619586113),
    (203, 190, "fade", 0.8212279637940134),
    (187, 176, "fade", 0.8212164244678933),
    (180, 201, "negative", 0.0),
]


@pytest.mark.parametrize(("height", "width", "kind", "expected"), GOLDEN)
def test_ms_ssim_equals_pytorch_msssim(height, width, kind, expected):
    a, b = pair(height, width, kind)
    value = ms_ssim(a / 255.0, b / 255.0)
    assert value.shape == (1,)
    assert abs(float(value[0]) - expected) < 1e-5


# Likewise, of the bundled photo or its rows 100-302 and columns 300-489, with so many bits left of each sample.
PHOTO = Path(__file__).parents[2] / "eval" / "demo" / "kodim23.png"
GOLDEN_PHOTO = [
    ("part", 2, 22.848142683055336, 0.8323537822737376),
    ("part", 5, 40.67181166025748, 0.993183943572545),
    ("whole", 2, 22.686569536879688, 0.8036696954243849),
    ("whole", 5, 40.64203167000832, 0.9918210769377277),
]


@pytest.mark.parametrize(("area", "bits", "psnr", "expected"), GOLDEN_PHOTO)
def test_metrics_of_an_8_bit_photo(area, bits, psnr, expected):
    with Image.open(PHOTO) as image:
        photo = np.asarray(image.convert("RGB"))
    if area == "part":
        photo = photo[100:303, 300:490]
    found = metrics.fidelity(photo, photo >> (8 - bits) << (8 - bits) | 1 << (7 - bits))
    assert abs(found.psnr - psnr) < 1e-4
    assert found.ms_ssim is not None
    assert abs(found.ms_ssim - expected) < 1e-5
    assert abs(float(metrics.ms_ssim_db(found.ms_ssim)) + 10 * math.log10(1 - expected)) < 0.01


def test_ms_ssim_does_not_depend_on_the_scale():
    a, b = pair(176, 183, "noise")
    by_unit = ms_ssim(a / 255.0, b / 255.0)
    by_bytes = ms_ssim(a, b, data_range=255.0)
    np.testing.assert_allclose(by_unit, by_bytes, atol=2e-6)


def test_ms_ssim_is_symmetric_per_image_and_one_for_identical_images():
    a, b = pair(176, 176, "noise")
    both = ms_ssim(jnp.concatenate([a, b, a]), jnp.concatenate([b, a, a]), data_range=255.0)
    assert both.shape == (3,)
    np.testing.assert_allclose(both, [GOLDEN[0][3], GOLDEN[0][3], 1.0], atol=1e-5)


def test_ms_ssim_gradient_is_the_slope():
    a, b = (x / 255.0 for x in pair(176, 179, "noise"))
    direction = jnp.asarray(np.random.default_rng(1).choice([-1.0, 1.0], a.shape), jnp.float32)
    loss = jax.jit(lambda x: metrics.ms_ssim(x, b)[0])
    slope = jnp.sum(jax.jit(jax.grad(loss))(a) * direction)
    step = 1e-3
    difference = (loss(a + step * direction) - loss(a - step * direction)) / (2 * step)
    assert abs(float(slope)) > 1e-3
    np.testing.assert_allclose(slope, difference, rtol=2e-2)


def test_ms_ssim_gradient_is_finite_where_the_value_is_clipped():
    a, b = (x / 255.0 for x in pair(176, 176, "negative"))
    value, gradient = jax.jit(jax.value_and_grad(lambda x: metrics.ms_ssim(x, b)[0]))(a)
    assert float(value) == 0.0
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(("height", "width"), [(175, 400), (400, 175), (1, 1)])
def test_ms_ssim_refuses_small_images(height, width):
    image = jnp.zeros((1, height, width, 3))
    with pytest.raises(ValueError, match="at least 176 pixels"):
        metrics.ms_ssim(image, image)


def test_ms_ssim_refuses_bytes_on_the_unit_scale():
    image = jnp.zeros((1, 176, 176, 3), jnp.uint8)
    with pytest.raises(ValueError, match=r"data_range=255\.0"):
        metrics.ms_ssim(image, image)


def test_ms_ssim_db():
    values = metrics.ms_ssim_db(jnp.asarray([0.0, 0.9, 0.99, 1.0]))
    np.testing.assert_allclose(values, [0.0, 10.0, 20.0, np.inf], atol=1e-4)


def test_mse_and_psnr_by_hand():
    a = jnp.zeros((2, 2, 2, 3), jnp.uint8)
    b = a.at[0, 0, 0, 0].set(12).at[1].set(255)
    np.testing.assert_allclose(metrics.mse(a, b), [144 / 12, 255**2])
    np.testing.assert_allclose(metrics.psnr(a, b), [10 * math.log10(255**2 / 12), 0.0], atol=1e-5)


def test_mse_does_not_wrap_around_in_bytes():
    dark, light = jnp.full((1, 1, 1, 1), 3, jnp.uint8), jnp.full((1, 1, 1, 1), 250, jnp.uint8)
    assert float(metrics.mse(dark, light)[0]) == 247**2 == float(metrics.mse(light, dark)[0])


def test_mse_gradient():
    a, b = jnp.full((1, 2, 2, 1), 3.0), jnp.full((1, 2, 2, 1), 1.0)
    np.testing.assert_allclose(jax.grad(lambda x: metrics.mse(x, b)[0])(a), np.full((1, 2, 2, 1), 2 * 2.0 / 4))


def test_psnr_of_identical_images_is_infinite():
    image = jnp.full((1, 5, 4, 3), 7, jnp.uint8)
    assert float(metrics.psnr(image, image)[0]) == math.inf


def test_psnr_is_exact_to_a_thousandth_of_a_decibel_on_a_large_image():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (2, 1, 1500, 1400, 3), dtype=np.uint8)
    expected = 10 * math.log10(255**2 / np.mean((a.astype(np.float64) - b) ** 2))
    assert abs(float(metrics.psnr(jnp.asarray(a), jnp.asarray(b))[0]) - expected) < 1e-4


def test_psnr_refuses_unrounded_images():
    image = jnp.zeros((1, 4, 4, 3))
    with pytest.raises(REFUSED, match=r"round|Type-check error"):
        metrics.psnr(image, image)


@pytest.mark.parametrize("metric", [metrics.mse, metrics.psnr, metrics.ms_ssim])
@pytest.mark.parametrize(
    ("a", "b"), [((1, 8, 8, 3), (1, 8, 9, 3)), ((8, 8, 3), (8, 8, 3)), ((2, 8, 8, 3), (1, 8, 8, 3))]
)
def test_shapes_must_agree(metric, a, b):
    with pytest.raises(REFUSED, match=r"one shape|Type-check error"):
        metric(jnp.zeros(a, jnp.uint8), jnp.zeros(b, jnp.uint8))


def test_fidelity_reports_numbers():
    a, b = (np.asarray(x[0]) for x in pair(176, 176, "noise"))
    found = metrics.fidelity(a, b)
    assert abs(found.psnr - 18.818138264234324) < 1e-4
    assert found.ms_ssim is not None
    assert abs(found.ms_ssim - GOLDEN[0][3]) < 1e-5


def test_fidelity_of_a_small_image_has_no_ms_ssim():
    assert metrics.fidelity(np.zeros((175, 300, 3), np.uint8), np.zeros((175, 300, 3), np.uint8)) == (math.inf, None)


def test_fidelity_refuses_other_sizes():
    with pytest.raises(ValueError, match="of one size"):
        metrics.fidelity(np.zeros((4, 5, 3), np.uint8), np.zeros((5, 4, 3), np.uint8))


def test_continued_ms_ssim_is_the_metric_where_pictures_agree():
    a, b = (x / 255.0 for x in pair(176, 176, "fade"))
    np.testing.assert_allclose(metrics.ms_ssim(a, b, continued=True), metrics.ms_ssim(a, b), rtol=1e-6)


def test_continued_ms_ssim_has_a_gradient_where_the_metric_has_none():
    """A small step along it brings more, from a picture whose MS-SSIM is 0."""
    a, b = (jnp.asarray(x / 255.0) for x in pair(176, 176, "negative"))
    gradient = jax.grad(lambda y: metrics.ms_ssim(a, y, continued=True).sum())(b)
    assert np.isfinite(gradient).all()
    after, before = (metrics.ms_ssim(a, y, continued=True) for y in (b + 1e-3 * gradient / jnp.abs(gradient).max(), b))
    assert after > before
    assert metrics.ms_ssim(a, b) == 0
