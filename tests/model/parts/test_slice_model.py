import dataclasses
import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.config import ModelConfig
from cca_jax.model.parameters.initialize import initial_params
from cca_jax.model.parts.mean_scale import MeanScaleSlices
from cca_jax.model.parts.slice_model import SlicePrediction
from cca_jax.model.parts.slice_networks import SliceNetworks
from cca_jax.model.rates import RatePoint
from cca_jax.model.recurrence import register_context_rule, slice_recurrence

register_context_rule("tests.in_pairs", lambda index: range(index - index % 2, index))


@pytest.mark.parametrize("skip", [0, 1])
def test_recurrence_hands_each_slice_its_context_and_no_more(skip):
    seen = []
    number = lambda i: jnp.full((1, 1, 1, 1), float(i))  # noqa: E731

    def predict(index, context):
        seen.append([float(value[0, 0, 0, 0]) for value in context])
        return SlicePrediction(number(index), number(0), number(0))

    decoded = slice_recurrence(
        ModelConfig(num_slices=5),
        skip,
        predict,
        lambda index, prediction: 10 * prediction.mean + index,
        lambda index, prediction, value: 10 * value + prediction.mean,
    )
    every = [111.0 * i for i in range(5)]  # digits: predicted, coded, refined
    assert seen == [every[: max(0, i - skip)] for i in range(5)]
    assert [float(value[0, 0, 0, 0]) for value in decoded] == every[: 3 if skip else 5]


@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize(
    ("rule", "skip", "seen"),
    [
        ("causal", 0, [(), (0,), (0, 1), (0, 1, 2)]),
        ("causal", 1, [(), (), (0,), (0, 1)]),
        ("tests.in_pairs", 0, [(), (0,), (), (2,)]),
    ],
)
def test_predictions_depend_on_exactly_the_slices_of_the_rule(micro, rule, skip, seen):
    """Causality of the real networks by gradients: row i says which slices of y prediction i depends on."""
    sizes = {"latent_channels": 20, "num_slices": 4, "slice_exponent": 1.0}
    config = dataclasses.replace(micro, **sizes, context_rule=rule)
    networks = SliceNetworks(config, skip)
    own = initial_params(config, seed=0)
    own = own["auxiliary"]["slices"] if skip else own["slices"]
    generator = np.random.default_rng(0)
    own = jax.tree.map(jnp.asarray, own)
    draw = lambda: jnp.asarray(generator.standard_normal((1, 2, 2, config.latent_channels), np.float32))  # noqa: E731
    y, hyper_mean, hyper_scale = draw(), draw(), draw()
    edges = np.cumsum((0, *config.slice_sizes))

    @jax.jit
    def dependence(y, weights):
        def weighted(y):
            predictions = []

            def code(index, prediction):
                predictions.append(prediction)
                return y[..., edges[index] : edges[index + 1]]  # unrounded: the gradient shows every path

            networks.apply({"params": own}, hyper_mean, hyper_scale, code, method="decode")
            sums = [jnp.stack([(p.mean**2).sum(), (p.scale**2).sum()]) for p in predictions]
            return (jnp.stack(sums) * weights).sum()

        gradient = jax.grad(weighted)(y)
        return jnp.stack([jnp.abs(gradient[..., a:b]).max() for a, b in itertools.pairwise(edges)])

    expected = np.array([[j in own for j in range(4)] for own in seen])
    for kind in (0, 1):  # mean, scale
        rows = [dependence(y, jnp.zeros((4, 2)).at[i, kind].set(1)) for i in range(4)]
        np.testing.assert_array_equal(np.stack(rows) > 0, expected)


@pytest.mark.usefixtures("quick_compilation")
def test_networks_one_after_the_other_predict_what_they_do_side_by_side(micro, micro_params, monkeypatch):
    networks = SliceNetworks(micro, 0)
    own = micro_params["slices"]
    generator = np.random.default_rng(0)
    mean, scale = jnp.asarray(generator.standard_normal((2, 1, 2, 2, micro.latent_channels), np.float32))

    def predicted(own):
        found = networks.apply({"params": own}, 0, mean, scale, (), method="predict")
        return (found.mean**2).sum() + (found.scale**3).sum() + found.features.sum(), found

    (_, expected), expected_gradients = jax.value_and_grad(predicted, has_aux=True)(own)
    monkeypatch.setattr("cca_jax.ops.platform.of_program", lambda: "tpu")
    (_, found), gradients = jax.value_and_grad(predicted, has_aux=True)(own)
    assert_close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)
    jax.tree.map(assert_close, (found, gradients), (expected, expected_gradients))


def test_residual_prediction_stays_within_half_a_step(micro, micro_params):
    networks = SliceNetworks(micro, 0)
    features, value = jnp.full((1, 2, 2, micro.latent_channels), 50.0), jnp.full((1, 2, 2, micro.slice_sizes[0]), 3.0)
    refined = networks.apply({"params": micro_params["slices"]}, 0, features, value, method="refine")
    change = np.abs(refined - value)
    assert (change <= 0.5).all()
    assert change.max() > 0.4  # with features this large it saturates


class TwiceAsWide(MeanScaleSlices):
    """Chooses its own steps."""

    def predict(self, *arguments, **named):
        prediction = super().predict(*arguments, **named)
        return prediction._replace(step_size=2 * prediction.step_size)


@pytest.mark.parametrize("noise", [None, 0.25])
def test_likelihoods_are_of_the_steps_that_were_predicted(micro, noise):
    shape = (4, 2, 1, 1, micro.latent_channels)
    y, mean, scale, step_size = jnp.asarray(np.random.default_rng(0).uniform(2, 6, shape), jnp.float32)
    noise = None if noise is None else jnp.full(y.shape, noise)

    def evaluated(kind, step_size):
        rate = RatePoint(jnp.ones(2), step_size=step_size)
        return kind(micro, 0).apply({}, 9 * y, mean, scale, noise, rate, method="likelihood")

    found, expected = evaluated(TwiceAsWide, step_size), evaluated(MeanScaleSlices, 2 * step_size)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6), found, expected)
    assert np.abs(found.likelihoods - evaluated(MeanScaleSlices, step_size).likelihoods).max() > 0.01


class StepsOfSomeSlices(MeanScaleSlices):
    """Only every second slice has steps of its own; the others' are whole."""

    without = 0

    def predict(self, index, *arguments, **named):
        prediction = super().predict(index, *arguments, **named)
        return prediction._replace(step_size=None) if index % 2 == self.without else prediction


class StepsOfOthers(StepsOfSomeSlices):
    without = 1


@pytest.mark.parametrize("kind", [StepsOfSomeSlices, StepsOfOthers])
def test_slices_without_steps_have_whole_ones(micro, kind):
    shape = (4, 2, 1, 1, micro.latent_channels)
    y, mean, scale, step_size = jnp.asarray(np.random.default_rng(0).uniform(2, 6, shape), jnp.float32)
    apply = partial(kind(micro, 0).apply, {}, 9 * y, mean, scale, None, method="likelihood")
    found = apply(RatePoint(jnp.ones(2), step_size=step_size))
    whole = np.concatenate([np.full(size, index % 2 == kind.without) for index, size in enumerate(micro.slice_sizes)])
    np.testing.assert_allclose(found.step_sizes, np.where(whole, 1, step_size), rtol=1e-6)
    steps = (np.concatenate(found.decoded, axis=-1) - mean) / found.step_sizes
    np.testing.assert_allclose(steps, np.round((9 * y - mean) / found.step_sizes), atol=1e-3)
