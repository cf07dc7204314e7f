"""Training for MS-SSIM at several rates: what a λ weighs, a gradient that is finite everywhere, a loss that falls."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.cca import CCAModel, Noise
from cca_jax.model.rates import RatePoint
from cca_jax.objective.loss import MS_SSIM_SCALE, distortion_cost
from cca_jax.objective.metrics import ms_ssim
from train.run.validation import validate
from train.step.state import initial_state
from train.step.step import train_step

pytestmark = pytest.mark.usefixtures("quick_compilation")

SIDE = 192  # the least multiple of 64 that has five scales


@pytest.fixture(scope="module")
def photos():
    """Two smooth pictures [2, 192, 192, 3] in [0, 1]."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    planes = [0.5 + 0.4 * np.sin(9 * rows + k) * np.cos((7 + k) * columns) for k in range(6)]
    return jnp.asarray(np.stack(planes, -1).reshape(SIDE, SIDE, 2, 3).transpose(2, 0, 1, 3), jnp.float32)


@pytest.fixture(scope="module")
def run(micro_lite, micro_lite_params, photos):
    """States and reports of some steps at the lowest and the highest rate."""
    rate = RatePoint.at(micro_lite, jnp.array([0.0, 2.0]))
    step = jax.jit(partial(train_step, CCAModel(micro_lite), rate=rate, form="off", distortion="ms-ssim"))
    state, reports = initial_state(micro_lite_params), []
    for number in range(12):
        noise = Noise.sample(jax.random.key(number), micro_lite, photos.shape)
        state, report = step(state, photos, noise, learning_rate=jnp.float32(5e-3))
        reports.append(report)
    return state, reports


def test_the_loss_falls_and_its_gradient_is_finite(run):
    _, reports = run
    losses = np.array([report.terms.loss for report in reports])
    norms = np.array([report.grad_norm for report in reports])
    assert np.isfinite(losses).all()
    assert np.isfinite(norms).all()
    assert (norms > 0).all()
    distortions = np.array([report.terms.distortion for report in reports])
    assert losses[-3:].mean() < 0.9 * losses[:3].mean()
    assert distortions[-3:].mean() < 0.9 * distortions[:3].mean()


def test_a_rate_weight_weighs_as_under_mse(micro, micro_lite, photos):
    """1280 times 1 - MS-SSIM stands where 255² · MSE stands; a model of one rate keeps the released form."""
    seen = jnp.clip(photos + 0.05 * jax.random.normal(jax.random.key(0), photos.shape), 0, 1)
    expected = 0.05 * (1 - ms_ssim(photos, seen))
    np.testing.assert_allclose(distortion_cost(photos, seen, "ms-ssim", micro), expected, rtol=1e-5)
    np.testing.assert_allclose(distortion_cost(photos, seen, "ms-ssim", micro_lite), 1280 * expected, rtol=1e-5)
    assert MS_SSIM_SCALE == 1280


@pytest.mark.parametrize("picture", ["black", "negative", "identical"])
def test_the_gradient_is_finite_where_scales_say_nothing(picture, micro_lite, photos):
    """No contrast at all, contrast turned round, whose terms count as zero, and no error."""
    seen = {"black": jnp.zeros_like(photos), "negative": 1 - photos, "identical": photos}[picture]
    gradient = jax.grad(lambda x: distortion_cost(photos, x, "ms-ssim", micro_lite).sum())(seen)
    assert np.isfinite(gradient).all()


def test_a_validation_weighs_as_the_steps_do(run, micro_lite, photos, one_device):
    """The mean over the rates of the scaled distortion and the weighted rate, each over √λ."""
    state, _ = run
    pixels = np.asarray(jnp.round(photos[:1] * 255), np.uint8)
    model = CCAModel(micro_lite)
    values, _ = validate(model, state.params, pixels, 123.0, "ms-ssim", one_device)
    image = jnp.asarray(pixels, jnp.float32) / 255
    decode = jax.jit(lambda rate: model.apply({"params": state.params}, image, rate=rate, auxiliary=False).x_hat)
    expected = []
    for row, weight in enumerate(micro_lite.rate_weights):
        similarity = ms_ssim(image, decode(RatePoint.of_row(micro_lite, row)), continued=True)
        distortion = 1280 * 0.05 * (1 - float(similarity[0]))
        expected.append((distortion + weight * values["rates"][row]) / weight**0.5)
    np.testing.assert_allclose(values["loss"], np.mean(expected), rtol=1e-3)
