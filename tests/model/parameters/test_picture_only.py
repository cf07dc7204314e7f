"""Parts that decide the picture alone: named, and shown by moving each part of a model in turn."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.cca import CCAModel, Noise
from cca_jax.model.parameters.picture_only import picture_only
from cca_jax.model.parameters.shapes import flatten, unflatten
from cca_jax.model.parts.chosen import picture_only_parts, register_entropy_model
from cca_jax.model.parts.mean_scale import MeanScaleHyperAnalysis, MeanScaleHyperSynthesis, MeanScaleSlices
from cca_jax.model.rates import RatePoint
from cca_jax.model.recurrence import register_context_rule

pytestmark = pytest.mark.usefixtures("quick_compilation")

register_context_rule("tests.the_first_alone", lambda index: [0] if index else [])


@pytest.mark.parametrize(("rule", "heads"), [("causal", {2}), ("none", {0, 1, 2}), ("tests.the_first_alone", {1, 2})])
def test_residual_predictions_of_slices_that_no_other_sees(micro, rule, heads):
    parts = picture_only_parts(dataclasses.replace(micro, context_rule=rule))
    assert set(parts) == {"synthesis", *(f"slices/residual_heads_{index}" for index in heads)}


def test_parts_are_whole_names(micro_params):
    names = list(flatten(micro_params))
    synthesis = {name for name in names if name.startswith("synthesis/")}
    assert picture_only(names, ["synthesis"]) == synthesis
    assert picture_only(["a/b/c", "a/bc/d", "e/a/b", "f"], ["a/b", "f"]) == {"a/b/c", "f"}
    with pytest.raises(ValueError, match=r"but no part of it: slices/head$"):
        picture_only(names, ["synthesis", "slices/head"])


def test_an_entropy_model_declares_its_own(micro):
    declared = iter([("slices/refine", "hyper_synthesis/last"), ["analysis"], "slices", [3], ["slicesheads"]])
    register_entropy_model(
        "tests.various_declarations",
        hyper_analysis=MeanScaleHyperAnalysis,
        hyper_synthesis=MeanScaleHyperSynthesis,
        slices=MeanScaleSlices,
        picture_only=lambda config: next(declared),
    )
    mean_scale = dataclasses.replace(micro, context_rule="none", entropy_model="mean_scale")
    assert picture_only_parts(mean_scale) == ("synthesis",)
    config = dataclasses.replace(mean_scale, entropy_model="tests.various_declarations")
    assert picture_only_parts(config) == ("synthesis", "slices/refine", "hyper_synthesis/last")
    for _ in range(4):
        with pytest.raises(
            ValueError, match=r"'tests\.various_declarations' declares as picture_only .* within hyper_analysis, "
        ):
            picture_only_parts(config)


@pytest.fixture(scope="module")
def outputs(micro_context, micro_context_params, micro_image):
    """Names of parameters to be moved to the picture, and all that decides what is coded.

    With noise, because the likelihoods of rounded values hide means that move by less than what rounds.
    """
    model, rate = CCAModel(micro_context), RatePoint.at(micro_context, jnp.array([0.5, 1.5]))
    noise = Noise.sample(jax.random.key(0), micro_context, micro_image.shape, auxiliary=False)
    apply = jax.jit(lambda params: model.apply({"params": params}, micro_image, noise, rate=rate, auxiliary=False))

    def of(moved=()):
        arrays = {
            name: value * 0.5 + 0.1 if name in moved else value for name, value in flatten(micro_context_params).items()
        }
        output = apply(unflatten({name: value for name, value in arrays.items() if not name.startswith("auxiliary/")}))
        return np.asarray(output.x_hat), [np.asarray(v) for v in (output.z, output.likelihood_y, output.likelihood_z)]

    return of


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_which_heads_these_are_follows_the_context_rule(micro, draw_lively, micro_image):
    """Moving the head of a slice that only itself sees changes the picture alone, another's what is coded."""
    config = dataclasses.replace(micro, context_rule="tests.the_first_alone")
    params, noise = draw_lively(config), Noise.sample(jax.random.key(0), config, micro_image.shape, auxiliary=False)
    params = {name: value for name, value in flatten(params).items() if not name.startswith("auxiliary/")}
    apply = jax.jit(lambda p: CCAModel(config).apply({"params": unflatten(p)}, micro_image, noise, auxiliary=False))
    before = apply(params)
    for index in range(config.num_slices):
        part = f"slices/residual_heads_{index}"
        moved = picture_only(params, [part])
        after = apply({name: value * 0.5 + 0.1 if name in moved else value for name, value in params.items()})
        assert not np.array_equal(after.x_hat, before.x_hat)
        assert np.array_equal(after.likelihood_y, before.likelihood_y) == (part in picture_only_parts(config))


def test_moving_them_moves_the_picture_and_nothing_that_is_coded(outputs, micro_context_params):
    picture, coded = outputs()
    for part in ("synthesis", "slices/residual_heads_2"):
        moved = picture_only(flatten(micro_context_params), [part])
        other, coded_then = outputs(moved)
        assert np.abs(other - picture).max() > 1e-3, part
        assert same(coded_then, coded), part


@pytest.mark.parametrize(
    "part",
    ["analysis/", "hyper_analysis/", "hyper_mean_synthesis/", "exact_scales/", "hyper_prior/", "rates/",
     "slices/predictors_2/", "slices/residual_heads_0/", "slices/residual_heads_1/"],
)  # fmt: skip
def test_every_other_part_decides_what_is_coded(outputs, micro_context, micro_context_params, part):
    names = flatten(micro_context_params)
    moved = {name for name in names if name.startswith(part)}
    assert moved
    assert not moved & picture_only(names, picture_only_parts(micro_context))
    assert not same(outputs(moved)[1], outputs()[1])
