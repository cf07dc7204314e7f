"""Training a model of several rates: which rate each image gets, and what a validation says of each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.cca import CCAModel
from cca_jax.model.rates import RatePoint
from cca_jax.objective.loss import rate_distortion_cca
from train.recipe.options import config_of, parser
from train.run.validation import validate
from train.step.rates import draw_rates


def test_positions_cover_the_range_and_have_their_weights(micro_lite):
    rate = draw_rates(micro_lite, jax.random.key(0), 512)
    positions, weights = np.asarray(rate.index), np.asarray(rate.weight)
    assert 0 <= positions.min() < 0.1
    assert 1.9 < positions.max() <= 2
    np.testing.assert_allclose(
        np.interp(positions, [0, 1, 2], np.log(micro_lite.rate_weights)), np.log(weights), atol=1e-5
    )
    assert (positions != draw_rates(micro_lite, jax.random.key(1), 512).index).mean() > 0.99


def test_a_batch_has_images_all_over_the_range_in_any_order(micro_lite):
    draws = np.stack([draw_rates(micro_lite, jax.random.key(seed), 4).index for seed in range(64)])
    parts = np.floor(draws * 4 / (micro_lite.num_rates - 1))
    assert np.all(np.sort(parts, axis=1) == [0, 1, 2, 3])
    assert set(parts[:, 0]) == {0, 1, 2, 3}


@pytest.mark.usefixtures("quick_compilation")
def test_a_validation_is_the_mean_over_the_rates(micro_lite, micro_lite_params, memory_data, one_device):
    values, pictures = validate(
        CCAModel(micro_lite), micro_lite_params, memory_data.validation, 123.0, "mse", one_device
    )
    assert len(values["rates"]) == len(values["psnrs"]) == 3
    assert values["rates"] == sorted(values["rates"])
    np.testing.assert_allclose(values["rate"], np.mean(values["rates"]), rtol=1e-5)
    np.testing.assert_allclose(values["psnr"], np.mean(values["psnrs"]), rtol=1e-5)
    np.testing.assert_allclose(values["rate"], values["rate_z"] + sum(values["rate_slices"]), rtol=1e-5)
    assert pictures.shape == memory_data.validation.shape


@pytest.mark.usefixtures("quick_compilation")
def test_the_validation_loss_is_the_objective_s(micro_lite, micro_lite_params, memory_data, one_device):
    model, photos = CCAModel(micro_lite), memory_data.validation[:1]
    values, _ = validate(model, micro_lite_params, photos, 123.0, "mse", one_device)
    expected = []
    for row, weight in enumerate(micro_lite.rate_weights):
        loss, _ = rate_distortion_cca(
            model, micro_lite_params, jnp.asarray(photos, jnp.float32) / 255, None,
            rate=RatePoint(jnp.array([weight]), jnp.array([float(row)])), form="off",
        )  # fmt: skip
        expected.append(float(loss))
    np.testing.assert_allclose(values["loss"], np.mean(expected), rtol=1e-4)


def test_a_rate_weight_beside_the_models_own_is_refused():
    flags = ["--data", "d", "--out", "o", "--preset", "lite"]
    assert config_of(parser().parse_args(flags)).model.num_rates == 12
    with pytest.raises(ValueError, match="rate weights of its own"):
        config_of(parser().parse_args([*flags, "--rate-weight", "3"]))
