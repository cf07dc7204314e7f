"""First parameters of a plain transform codec."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.config import PRESETS
from cca_jax.model.cca import CCAModel
from cca_jax.model.parameters.initialize import initial_params
from cca_jax.model.parameters.shapes import flatten
from cca_jax.model.rates import RatePoint
from cca_jax.ops.likelihoods.density import SCALE_FLOOR, SCALE_PER_DEVIATION
from train.init.klt_init import latent_gain, with_klt_init
from train.init.start import starting_params
from train.recipe.options import config_of, parser

ROWS, COLUMNS = np.mgrid[:64, :64] / 63
IMAGE = jnp.asarray(np.stack([ROWS, COLUMNS, ROWS * COLUMNS], -1)[None], jnp.float32)


@pytest.mark.parametrize("rate_weight", [0.3, 2.0, 15.0])
def test_a_step_of_one_is_the_best_at_its_rate_weight(rate_weight):
    def cost(step):
        return 0.05 * 255**2 * step**2 / 12 / 3 - rate_weight * np.log2(step)

    best = 1 / latent_gain(rate_weight)
    assert cost(best) < min(cost(best * 0.99), cost(best * 1.01))


def test_a_picture_passes_before_the_first_step():
    config = PRESETS["tiny"]
    model, drawn = CCAModel(config), initial_params(config, 0, auxiliary=False)

    def error(params):
        params = jax.tree.map(jnp.asarray, params)
        y = model.apply({"params": params}, IMAGE, method="analyze")
        return float(jnp.square(model.apply({"params": params}, y, method="synthesize") - IMAGE).mean())

    assert error(with_klt_init(drawn, config, 2.0)) < 1e-3 < 0.05 < error(drawn)


def test_nothing_is_predicted_and_every_channel_has_the_scale_of_a_markov_field(micro, micro_lite):
    for config in (micro, micro_lite):
        drawn = initial_params(config, 0)
        before = {name: value.copy() for name, value in flatten(drawn).items()}
        model = CCAModel(config)
        params = {"params": jax.tree.map(jnp.asarray, with_klt_init(drawn, config, 2.0))}
        assert all(np.array_equal(value, before[name]) for name, value in flatten(drawn).items())
        y = model.apply(params, IMAGE, method="analyze")
        step_size = jnp.ones((1, 1, 1, config.latent_channels)) if config.rate_weights else None
        rate = RatePoint(jnp.ones(1), step_size=step_size)
        z_hat = jnp.zeros((1, 1, 1, config.hyper_channels))
        hyper = model.apply(params, z_hat, method="hyper_synthesize")
        predicted = []

        def code(index, prediction):
            predicted.append(prediction)  # noqa: B023
            return prediction.mean

        decoded = model.apply(
            params, *hyper, code, rate=rate, method=lambda m, *arguments, rate: m.slices.decode(*arguments, rate=rate)
        )
        assert all(np.array_equal(p.mean, np.zeros_like(p.mean)) for p in predicted)
        assert all(np.array_equal(part, np.zeros_like(part)) for part in decoded)
        scales = np.concatenate([np.asarray(p.scale)[0, 0, 0] for p in predicted])
        assert scales.shape == y.shape[-1:]
        assert scales[0] > 10 * scales[-1]
        flat = 0.2 * latent_gain(2.0) * 16 * 3**0.5  # of blocks that are all of one colour
        assert 0.3 * flat < scales[0] / SCALE_PER_DEVIATION[config.latent_density] < flat


def test_scales_count_in_the_densitys_own_unit(micro):
    def scales(density):
        config = dataclasses.replace(micro, latent_density=density)
        named = flatten(with_klt_init(initial_params(config, 0), config, 2.0))
        return np.concatenate([named[f"slices/predictors_{k}/head/last/bias"][1] for k in range(config.num_slices)])

    gaussian, laplacian = scales("gaussian"), scales("laplacian")
    above = gaussian > SCALE_FLOOR
    assert above.any()
    np.testing.assert_allclose(laplacian[above], 2**0.5 * gaussian[above], rtol=1e-6)


def test_a_run_from_scratch_begins_with_them_where_its_recipe_says_so():
    flags = ["--data", "d", "--out", "o", "--preset", "lite"]
    config = config_of(parser().parse_args(flags))
    plain = config_of(parser().parse_args([*flags, "--first-parameters", "drawn"]))
    coding, drawn = (flatten(starting_params(one, None, print)) for one in (config, plain))
    middle = 8**0.5  # √(128 · 0.0625)
    expected = flatten(with_klt_init(initial_params(config.model, config.seed), config.model, middle))
    np.testing.assert_allclose(coding["analysis/down_0/kernel"], expected["analysis/down_0/kernel"], rtol=1e-3)
    assert not np.allclose(coding["analysis/down_0/kernel"], drawn["analysis/down_0/kernel"])
