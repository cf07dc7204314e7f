import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.objective.metrics import psnr
from train.run.validation import validate
from train.step.mesh import replicate

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def photos():
    return np.random.default_rng(3).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def found(micro_model, micro_params, photos, one_device):
    return validate(micro_model, replicate(micro_params, one_device), photos, 2.0, "mse", one_device)


def test_every_figure_by_hand(found, micro_model, micro_params, photos):
    values, decoded = found
    image = jnp.asarray(photos, jnp.float32) / 255
    output = micro_model.apply({"params": micro_params}, image, auxiliary=False)
    pixels = photos[..., 0].size
    sizes = micro_model.config.slice_sizes
    bits = -np.log2(np.asarray(output.likelihood_y, np.float64)).sum((0, 1, 2))
    slices = [part.sum() / pixels for part in np.split(bits, np.cumsum(sizes)[:-1])]
    np.testing.assert_allclose(values["rate_slices"], slices, rtol=1e-4)
    np.testing.assert_allclose(
        values["rate_z"], -np.log2(np.asarray(output.likelihood_z, np.float64)).sum() / pixels, rtol=1e-4
    )
    np.testing.assert_allclose(values["rate"], values["rate_z"] + sum(values["rate_slices"]), rtol=1e-5)
    error = np.square(np.asarray(image) - np.asarray(output.x_hat)).mean()
    np.testing.assert_allclose(values["loss"], 0.05 * 255**2 * error + 2.0 * values["rate"], rtol=1e-4)
    np.testing.assert_allclose(values["psnr"], np.asarray(psnr(photos, decoded)).mean(), rtol=1e-5)


def test_reconstructions_are_8_bit_pictures(found, photos):
    assert found[1].shape == photos.shape
    assert found[1].dtype == np.uint8
