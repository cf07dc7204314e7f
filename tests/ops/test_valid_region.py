"""Arrays larger than their image: what lies outside it must not be seen, be it not a number."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.ops.valid_region import ValidRegion, masked, plane_mean

AREA, BUCKET = (1, 2), (2, 3)


@pytest.fixture
def region():
    return ValidRegion(jnp.array(AREA), BUCKET)


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def in_bucket(array):
    """An array [1, h, w, C] of the area in one of the bucket, and nonsense around it."""
    scale = array.shape[1] // AREA[0]
    full = np.full((1, BUCKET[0] * scale, BUCKET[1] * scale, array.shape[3]), np.nan, np.float32)
    full[:, : array.shape[1], : array.shape[2]] = array
    return jnp.asarray(full)


def in_area(array):
    scale = array.shape[1] // BUCKET[0]
    return array[:, : AREA[0] * scale, : AREA[1] * scale]


@pytest.mark.parametrize("scale", [1, 4])
def test_masked_keeps_the_image_and_zeros_the_rest(region, scale):
    x = normal(0, 1, scale, 2 * scale, 3)
    out = masked(in_bucket(x), region)
    np.testing.assert_array_equal(in_area(out), x)
    assert (out != 0).sum() == x.size
    assert masked(x, None) is x


def test_averages_are_taken_over_the_image(region):
    x = normal(0, 1, 4, 8, 3)
    np.testing.assert_allclose(plane_mean(in_bucket(x), region), x.mean((1, 2), keepdims=True), rtol=1e-5)
    np.testing.assert_array_equal(plane_mean(jnp.asarray(x), None), jnp.asarray(x).mean((1, 2), keepdims=True))


@pytest.mark.usefixtures("quick_compilation")
def test_every_network_computes_in_the_image_what_it_computes_without_a_bucket(
    region, micro, micro_model, micro_params
):
    def networks(model, image, y, z_hat, region):
        hyper = model.hyper_synthesize(z_hat, region)
        prediction = model.predict_slice(1, *hyper, [y[..., : micro.slice_sizes[0]]], region)
        refined = model.refine_slice(1, prediction.features, prediction.mean, region)
        return (
            (model.analyze(image, region), model.hyper_analyze(y, region), model.synthesize(y, region)),
            (*hyper, *prediction, refined),
        )

    run = jax.jit(lambda *arguments: micro_model.apply({"params": micro_params}, *arguments, method=networks))
    image, y, z_hat = normal(1, 1, 64, 128, 3), normal(2, 1, 4, 8, micro.latent_channels), normal(3, 1, 1, 2, 4)
    expected = run(image, y, z_hat, None)
    actual = run(in_bucket(image), in_bucket(y), in_bucket(z_hat), region)
    for one, other in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert one.shape[1:3] == tuple(np.array(other.shape[1:3]) * np.array(BUCKET) // np.array(AREA))
        np.testing.assert_allclose(in_area(one), other, rtol=1e-5, atol=2e-5 * np.abs(other).max())
