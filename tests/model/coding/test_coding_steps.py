import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.entropy_coding.tables import scale_table
from cca_jax.model.coding import coding_steps
from cca_jax.model.parts.slice_model import SlicePrediction
from cca_jax.ops.valid_region import ValidRegion

SCALES = scale_table()


def prediction(scale=0.0, mean=0.0):
    shape = np.broadcast_shapes(np.shape(scale), np.shape(mean))
    mean, scale = (jnp.broadcast_to(jnp.asarray(value, jnp.float32), shape) for value in (mean, scale))
    return SlicePrediction(mean, scale, mean)


def indexes(scales):
    return np.asarray(coding_steps.indexes(prediction(np.reshape(scales, (1, 1, 1, -1))), SCALES)).ravel()


def test_a_symbols_table_is_the_first_whose_scale_is_at_least_its_own():
    sigmas = np.random.default_rng(0).lognormal(0, 3, 1000).astype(np.float32)
    expected = [next((i for i, scale in enumerate(SCALES) if scale >= sigma), 63) for sigma in sigmas]
    np.testing.assert_array_equal(indexes(sigmas), expected)


@pytest.mark.parametrize(
    ("sigmas", "expected"),
    [
        (SCALES, np.arange(64)),
        (np.nextafter(SCALES, np.float32(np.inf)), np.minimum(np.arange(64) + 1, 63)),
        ([-1.0, 0.0, 0.11, np.inf], [0, 0, 0, 63]),
    ],
)
def test_tables_at_and_around_the_entries(sigmas, expected):
    sigmas = np.resize(np.float32(sigmas), 64)  # one shape: one compilation
    np.testing.assert_array_equal(indexes(sigmas)[: len(expected)], expected)


def test_nothing_is_coded_outside_the_image():
    target = jnp.arange(32.0).reshape(1, 4, 8, 1)
    half = prediction(mean=jnp.full(target.shape, 0.75))
    symbols = coding_steps.to_symbols(target, half, ValidRegion(jnp.array([1, 1]), (1, 2)))
    np.testing.assert_array_equal(symbols[:, :, :4], jnp.round(target - 0.75)[:, :, :4])
    assert not symbols[:, :, 4:].any()
    np.testing.assert_array_equal(coding_steps.dequantize(symbols, half)[:, :, 4:], 0.75)


def test_pixels_are_clamped_and_rounded():
    x_hat = jnp.array([-0.5, 0.0, 0.4999 / 255, 0.5001 / 255, 254.6 / 255, 1.0, 7.0]).reshape(1, 1, 7, 1)
    np.testing.assert_array_equal(coding_steps.to_pixels(x_hat).ravel(), [0, 0, 0, 1, 255, 255, 255])
