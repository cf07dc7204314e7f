"""Several rates in one model: its step sizes, what the objective trains, and that one rate is the reference."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.cca import CCAModel, Noise
from cca_jax.model.parameters.initialize import initial_params
from cca_jax.model.parameters.shapes import flatten, parameter_shapes
from cca_jax.model.rates import RatePoint, StepSizes, in_steps, initial_log_steps, out_of_steps, rate_weight_at
from cca_jax.objective.loss import balanced, rate_distortion_cca


def steps_at(config, positions, log_step=None):
    table = initial_log_steps(config) if log_step is None else log_step
    rate = RatePoint.at(config, jnp.asarray(positions))
    steps = StepSizes(config).apply({"params": {"log_step": jnp.asarray(table)}}, rate).step_size
    assert steps.shape == (len(positions), 1, 1, config.latent_channels)
    return steps[:, 0, 0]


def test_steps_begin_as_the_roots_of_the_rate_weights(micro_lite):
    steps = steps_at(micro_lite, [0.0, 1.0, 2.0])
    np.testing.assert_allclose(steps[0] ** 2 / steps[1] ** 2, 8 / 2, rtol=1e-5)
    np.testing.assert_allclose(steps.prod(0), 1, rtol=1e-5)  # around 1


def test_steps_fall_and_rate_weights_with_them(micro_lite):
    positions = np.linspace(0, 2, 9, dtype=np.float32)
    assert (np.diff(steps_at(micro_lite, positions), axis=0) < 0).all()
    weights = np.asarray(rate_weight_at(micro_lite, jnp.asarray(positions)))
    np.testing.assert_allclose(weights[[0, 4, 8]], micro_lite.rate_weights, rtol=1e-5)
    np.testing.assert_allclose(weights[2], 4.0, rtol=1e-5)  # geometrically between 8 and 2


def test_one_rate_with_scales_of_the_context_has_the_parameters_it_always_had(micro):
    names = set(parameter_shapes(micro, True))
    assert {"hyper_scale_synthesis/last/bias", "slices/predictors_0/stack/enter/kernel"} <= names
    assert not [name for name in names if "rates" in name or "exact_scales" in name]
    several = dataclasses.replace(micro, rate_weights=(2.0, 1.0))
    assert set(parameter_shapes(several, False)) - names == {"rates/log_step"}


def test_initial_parameters_are_those_of_the_configuration(micro_lite):
    drawn = flatten(initial_params(micro_lite, 0))
    np.testing.assert_array_equal(drawn["rates/log_step"], initial_log_steps(micro_lite))
    np.testing.assert_array_equal(drawn["exact_scales/last/bias"], 1.25)


@pytest.mark.parametrize("rate", [None, RatePoint(jnp.ones(2), jnp.zeros(2))])
def test_a_rate_is_for_models_of_several(micro, micro_lite, micro_image, rate):
    model = CCAModel(micro_lite if rate is None else micro)
    with pytest.raises(ValueError, match="of 3 rates takes a rate" if rate is None else "of 1 rates takes no rate"):
        jax.eval_shape(lambda: model.init(jax.random.key(0), micro_image, rate=rate))


def test_step_sizes_that_were_not_filled_in_are_refused(micro_lite):
    rate = RatePoint.at(micro_lite, jnp.array([1.0]))
    for use in (in_steps, out_of_steps):
        with pytest.raises(ValueError, match="has no step sizes"):
            use(jnp.zeros((1, 1, 1, micro_lite.latent_channels)), rate)


def test_a_rate_point_is_completed_in_one_place(micro_lite):
    params = {"params": {"log_step": jnp.asarray(initial_log_steps(micro_lite))}}
    rate = StepSizes(micro_lite).apply(params, RatePoint.at(micro_lite, jnp.array([0.4, 1.7])))
    assert rate.integer.shift.shape == rate.step_size.shape == (2, 1, 1, micro_lite.latent_channels)
    y = jnp.ones((2, 3, 1, micro_lite.latent_channels))
    np.testing.assert_allclose(in_steps(y, rate), 1 / np.broadcast_to(rate.step_size, y.shape), rtol=1e-6)
    np.testing.assert_allclose(out_of_steps(in_steps(y, rate), rate), y, rtol=1e-6)
    zeros = jax.tree.map(jnp.zeros_like, rate.integer)  # as coding computes it, in integers alone
    coded = StepSizes(micro_lite).apply(params, rate.replace(integer=zeros))
    assert not coded.integer.shift.any()


def test_rows_and_the_ends_of_the_quality_scale_are_the_configurations(micro_lite):
    for row, quality in ((0, 1.0), (2, 100.0)):
        trained, asked = RatePoint.of_row(micro_lite, row), RatePoint.of_quality(micro_lite, quality)
        assert trained.weight == micro_lite.rate_weights[row]
        np.testing.assert_allclose(asked.weight, trained.weight, rtol=1e-6)
        np.testing.assert_array_equal(asked.index, trained.index)


def test_a_model_of_one_rate_divides_nothing(micro, micro_lite):
    losses = jnp.array([3.0, 5.0])
    np.testing.assert_array_equal(balanced(losses, micro, RatePoint.single(4.0)), losses)
    several = RatePoint(jnp.array([4.0, 1.0]), jnp.array([1.0, 2.0]))
    np.testing.assert_allclose(balanced(losses, micro_lite, several), [1.5, 5.0])


@pytest.fixture(scope="module")
def objective(micro_lite, micro_lite_params, micro_image):
    """(form, noise, rate, λ) to terms and gradients."""
    model = CCAModel(micro_lite)

    def gradient(params, rate, weights, noise, form):
        return rate_distortion_cca(model, params, micro_image, noise, rate=RatePoint(weights, rate), form=form)[::-1]

    def swapped(*arguments):
        terms, loss = gradient(*arguments)
        return loss, terms

    run = jax.jit(jax.value_and_grad(swapped, has_aux=True), static_argnums=4)
    noise = Noise.sample(jax.random.key(2), micro_lite, micro_image.shape)

    def call(rate, weights, form="stopped"):
        (_, terms), actual = run(micro_lite_params, jnp.array(rate), jnp.array(weights), noise, form)
        return terms, {name: np.asarray(leaf) for name, leaf in flatten(actual).items()}

    return call


@pytest.mark.usefixtures("quick_compilation")
def test_everything_is_trained_but_the_quantiles(objective):
    _, actual = objective([0.4, 1.7], [4.0, 1.0])
    assert all(np.isfinite(array).all() for array in actual.values())
    silent = {name for name, array in actual.items() if not (array != 0).any()}
    assert silent == {"hyper_prior/quantiles", "auxiliary/prior/quantiles"}
    assert (actual["rates/log_step"] != 0).all()  # 0.4 lies between rows 0 and 1, 1.7 between 1 and 2
    for start in ("exact_scales/", "auxiliary/exact_scales/"):
        assert sum((array != 0).mean() > 0.5 for name, array in actual.items() if name.startswith(start)) >= 4


@pytest.mark.usefixtures("quick_compilation")
def test_each_image_has_its_own_rate_weight(objective):
    """L is a mean over the images, each with its own (D + λ R + CCA terms) / √λ."""
    loss = {
        weights: float(objective([0.4, 1.7], list(weights))[0].loss)
        for weights in [(1.0, 1.0), (4.0, 4.0), (4.0, 1.0), (1.0, 4.0)]
    }
    terms, _ = objective([0.4, 1.7], [4.0, 4.0])
    rate = float(terms.rate_y + terms.rate_z)
    np.testing.assert_allclose(2 * loss[4.0, 4.0] - loss[1.0, 1.0], 3 * rate, rtol=1e-3)
    np.testing.assert_allclose(loss[4.0, 1.0] + loss[1.0, 4.0], loss[4.0, 4.0] + loss[1.0, 1.0], rtol=1e-5)
    assert abs(loss[4.0, 1.0] - loss[1.0, 4.0]) > 1e-3 * rate
