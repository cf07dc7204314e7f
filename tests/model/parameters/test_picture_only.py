"""Parts that decide the picture alone: named, and shown by moving each part of a model in turn."""

import jax
import numpy as np
import pytest

from cca_jax.model.cca import CCAModel, Noise
from cca_jax.model.parameters.picture_only import picture_only
from cca_jax.model.parameters.shapes import flatten, unflatten
from cca_jax.model.rates import RatePoint

pytestmark = pytest.mark.usefixtures("quick_compilation")


def test_they_are_the_synthesis_and_the_last_residual_prediction(micro_params):
    names = list(flatten(micro_params))
    parts = {"/".join(name.split("/")[: 1 if name.startswith("synthesis") else 2]) for name in picture_only(names)}
    assert parts == {"synthesis", "slices/residual_heads_2"}
    assert all(name in picture_only(names) for name in names if name.startswith("synthesis/"))
    assert picture_only(["slices/residual_heads_9/a", "slices/residual_heads_10/a"]) == {"slices/residual_heads_10/a"}
    assert picture_only(["auxiliary/slices/residual_heads_3/a", "analysis/synthesis/b"]) == frozenset()


@pytest.fixture(scope="module")
def outputs(micro_context, micro_context_params, micro_image):
    """Names of parameters to be moved to the picture, and all that decides what is coded.

    With noise, because the likelihoods of rounded values hide means that move by less than what rounds.
    """
    model, rate = CCAModel(micro_context), RatePoint.at(micro_context, np.array([0.5, 1.5]))
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


def test_moving_them_moves_the_picture_and_nothing_that_is_coded(outputs, micro_context_params):
    picture, coded = outputs()
    for part in ("synthesis/", "slices/residual_heads_2/"):
        moved = {name for name in picture_only(flatten(micro_context_params)) if name.startswith(part)}
        other, coded_then = outputs(moved)
        assert np.abs(other - picture).max() > 1e-3, part
        assert same(coded_then, coded), part


@pytest.mark.parametrize(
    "part",
    ["analysis/", "hyper_analysis/", "hyper_mean_synthesis/", "exact_scales/", "hyper_prior/", "rates/",
     "slices/predictors_2/", "slices/residual_heads_0/", "slices/residual_heads_1/"],
)  # fmt: skip
def test_every_other_part_decides_what_is_coded(outputs, micro_context_params, part):
    names = flatten(micro_context_params)
    moved = {name for name in names if name.startswith(part)}
    assert moved
    assert not moved & picture_only(names)
    assert not same(outputs(moved)[1], outputs()[1])
