"""Which parameters each term of the objective trains, by gradients of a whole model: the docstring's claims."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.cca import CCAModel
from cca_jax.model.parameters.shapes import flatten, unflatten
from cca_jax.model.recurrence import register_context_rule
from cca_jax.objective.loss import ObjectiveTerms, rate_distortion_cca

pytestmark = pytest.mark.usefixtures("quick_compilation")

register_context_rule("tests.the_first", lambda index: [0] if index else [])
RATE_WEIGHT = 0.85
GROUPS = {
    "analysis": "analysis/",
    "synthesis": "synthesis/",
    "hyper": "hyper_analysis/ hyper_mean_synthesis/ hyper_scale_synthesis/",
    "p(z)": "hyper_prior/",
    "slices": "slices/",
    "auxiliary slices": "auxiliary/slices/",
    "p_f": "auxiliary/prior/",
}
LATENT = {"analysis"}
CODING = LATENT | {"hyper"}


def group_of(name):
    if name.endswith("/quantiles"):
        return "quantiles"
    return next(group for group, prefixes in GROUPS.items() if name.startswith(tuple(prefixes.split())))


@pytest.fixture(scope="module")
def gradients(micro_model, micro_image, micro_noise):
    """(form, parameters, weights of terms, α) to the terms and the flat gradients of their weighted sum."""
    compiled = {}

    def build(form):
        def total(params, weights, cca_weight):
            options = {"rate_weight": RATE_WEIGHT, "cca_weight": cca_weight, "form": form}
            _, terms = rate_distortion_cca(micro_model, params, micro_image, micro_noise, **options)
            return sum(jax.tree.leaves(jax.tree.map(jnp.multiply, terms, weights))), terms

        return jax.jit(jax.value_and_grad(total, has_aux=True))

    def call(form, params, cca_weight=1.0, **weights):
        if form not in compiled:
            compiled[form] = build(form)
        every = {field.name: jnp.float32(weights.pop(field.name, 0)) for field in dataclasses.fields(ObjectiveTerms)}
        assert not weights
        (_, terms), found = compiled[form](params, ObjectiveTerms(**every), jnp.float32(cca_weight))
        return terms, {name: np.asarray(leaf) for name, leaf in flatten(found).items()}

    return call


def trained(arrays):
    """The groups with a gradient; none may be infinite or NaN."""
    assert all(np.isfinite(array).all() for array in arrays.values())
    return {group_of(name) for name, array in arrays.items() if (array != 0).any()}


REFERENCE = {
    "distortion": CODING | {"slices", "synthesis"},
    "mse": CODING | {"slices", "synthesis"},
    "rate_y": CODING | {"slices"},
    "rate_z": LATENT | {"hyper", "p(z)"},
    "rate_aux": CODING | {"auxiliary slices"},
    "cca": CODING | {"slices", "auxiliary slices"},
    "factorized": CODING | {"auxiliary slices", "p_f"},
    "aux_floor_fraction": set(),
}


@pytest.mark.parametrize(("term", "expected"), REFERENCE.items())
def test_what_each_term_trains_as_released(gradients, micro_params, term, expected):
    assert trained(gradients("reference", micro_params, **{term: 1})[1]) == expected


STOPPED = {**REFERENCE, "factorized": {"p_f"}}


@pytest.mark.parametrize(("term", "expected"), STOPPED.items())
def test_what_each_term_trains_in_the_stopped_form(gradients, micro_params, term, expected):
    assert trained(gradients("stopped", micro_params, **{term: 1})[1]) == expected


@pytest.mark.parametrize("form", ["reference", "stopped"])
def test_the_objective_trains_everything_but_the_quantiles(gradients, micro_params, form):
    found = gradients(form, micro_params, loss=1)[1]
    assert trained(found) == set(GROUPS)
    silent = {name for name, array in found.items() if not (array != 0).any()}
    assert silent == {"hyper_prior/quantiles", "auxiliary/prior/quantiles"}


def test_the_term_follows_any_causal_context(micro, micro_image, micro_noise, draw_lively):
    """Each slice reads the first: the auxiliary model does without it, and has no residual prediction to train."""
    config = dataclasses.replace(micro, context_rule="tests.the_first")
    params = draw_lively(config)
    objective = lambda p: rate_distortion_cca(  # noqa: E731
        CCAModel(config), p, micro_image, micro_noise, rate_weight=RATE_WEIGHT, form="stopped"
    )
    found, terms = jax.jit(jax.grad(objective, has_aux=True))(params)
    named = {name: np.asarray(leaf) for name, leaf in flatten(found).items()}
    assert trained(named) == set(GROUPS)
    assert not any(name.startswith("auxiliary/slices/residual_heads") for name in named)
    silent = {name for name, array in named.items() if not (array != 0).any()}
    assert silent == {"hyper_prior/quantiles", "auxiliary/prior/quantiles"}
    assert float(terms.cca) == pytest.approx(float(terms.rate_y - terms.rate_aux), rel=1e-4)
    assert float(terms.cca) != 0


def test_without_the_auxiliary_model_its_parameters_may_be_absent(micro_model, micro_image, micro_noise, micro_params):
    main = {name: value for name, value in micro_params.items() if name != "auxiliary"}
    noise = micro_noise.replace(y_aux=None, y_factorized=None)

    @jax.jit
    def gradient(params):
        objective = lambda p: rate_distortion_cca(  # noqa: E731
            micro_model, p, micro_image, noise, rate_weight=RATE_WEIGHT, form="off"
        )[0]
        return jax.grad(objective)(params)

    found = {name: np.asarray(leaf) for name, leaf in flatten(gradient(main)).items()}
    assert trained(found) == CODING | {"synthesis", "p(z)", "slices"}


@pytest.mark.parametrize("cca_weight", [1.0, 0.5])
def test_stopped_form_is_two_objectives(gradients, micro_params, cca_weight):
    """Everything but the auxiliary model gets α·(R_y - R_aux), its slices get R_aux, p_f gets L_f."""
    terms, found = gradients("stopped", micro_params, cca_weight, loss=1)
    assert terms.aux_floor_fraction == 0  # on the floor the one-sided gradients of the two would differ
    frozen = {"distortion": 1, "rate_y": RATE_WEIGHT + cca_weight, "rate_z": RATE_WEIGHT, "rate_aux": -cca_weight}
    everything_else = gradients("reference", micro_params, **frozen)[1]
    auxiliary_rate = gradients("reference", micro_params, rate_aux=1)[1]
    factorized = gradients("reference", micro_params, factorized=1)[1]
    for name, array in found.items():
        source = {"auxiliary slices": auxiliary_rate, "p_f": factorized}.get(group_of(name), everything_else)
        scale = np.abs(source[name]).max() or 1.0
        np.testing.assert_allclose(array, source[name], atol=1e-4 * scale, rtol=0, err_msg=name)


@pytest.mark.parametrize("cca_weight", [1.0, 0.5])
def test_both_forms_have_the_same_value(gradients, micro_params, cca_weight):
    released, stopped = (gradients(form, micro_params, cca_weight, loss=1)[0] for form in ("reference", "stopped"))
    for field in dataclasses.fields(ObjectiveTerms):
        a, b = getattr(released, field.name), getattr(stopped, field.name)
        np.testing.assert_allclose(a, b, rtol=1e-5, err_msg=field.name)


def test_as_released_the_auxiliary_slices_are_trained_to_be_worse(gradients, micro_params):
    loss, rate = (gradients("reference", micro_params, **{term: 1})[1] for term in ("cca", "rate_aux"))
    for name in rate:
        if group_of(name) == "auxiliary slices":
            scale = np.abs(rate[name]).max()
            np.testing.assert_allclose(loss[name], -rate[name], rtol=0, atol=1e-5 * scale, err_msg=name)


def test_saturation_leaves_a_rate_weight_of_lambda_plus_alpha(gradients, micro, micro_params):
    """With every auxiliary likelihood on the floor R_aux is a constant and its gradient is gone."""
    arrays = flatten(micro_params)
    for name, array in arrays.items():
        if name.startswith("auxiliary/slices/") and name.endswith("/head/last/bias"):
            arrays[name] = array + jnp.array([[1e4], [0.0]])  # the means, not the scales
    params = unflatten(arrays)
    terms, found = gradients("reference", params, distortion=1, rate_y=RATE_WEIGHT, rate_z=RATE_WEIGHT, cca=1)
    assert float(terms.aux_floor_fraction) == 1
    assert math.isclose(terms.rate_aux, math.log2(1e9) * micro.latent_channels / 256, rel_tol=1e-5)
    plain = gradients("reference", params, distortion=1, rate_y=RATE_WEIGHT + 1, rate_z=RATE_WEIGHT)[1]
    for name, array in found.items():
        np.testing.assert_allclose(array, plain[name], rtol=1e-5, atol=1e-7, err_msg=name)
