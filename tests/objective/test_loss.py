"""The objective's values by hand, from outputs given to it; test_objective_gradients.py has its gradients."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from cca_jax.model.cca import CCAModel
from cca_jax.model.outputs import AuxiliaryOutput, ModelOutput
from cca_jax.model.rates import RatePoint
from cca_jax.objective import loss
from cca_jax.objective.metrics import ms_ssim

# The module defines a pytree, so the import hook leaves it out (see conftest).
rate_distortion_cca = jaxtyped(typechecker=beartype)(loss.rate_distortion_cca)


def image(side=64, seed=0):
    return np.random.default_rng(seed).random((2, side, side, 3), np.float32)


@pytest.fixture
def output():
    """What a forward pass could give for images of 64×64."""
    generator = np.random.default_rng(1)
    draw = lambda *shape: jnp.asarray(generator.uniform(0.01, 1, shape), jnp.float32)  # noqa: E731
    latent = (2, 4, 4, 12)
    aux = AuxiliaryOutput(draw(*latent), draw(*latent))
    likelihoods = draw(*latent), draw(2, 1, 1, 4)
    return ModelOutput(jnp.asarray(image(seed=2)), *likelihoods, *[draw(*latent)] * 5, draw(2, 1, 1, 12), aux)


@pytest.fixture
def evaluate(monkeypatch, micro):
    """The objective of a given output; returns L and its terms."""

    def call(output, x=None, **options):
        monkeypatch.setattr(CCAModel, "apply", lambda *_, **asked: output.replace(
            auxiliary=output.auxiliary if asked["auxiliary"] else None
        ))  # fmt: skip
        x = image() if x is None else x
        return rate_distortion_cca(CCAModel(micro), {}, jnp.asarray(x), None, **options)

    return call


def by_hand(output, rate_weight, cca_weight):
    """The module's formulas in double precision."""
    bits = lambda p: -np.log2(np.float64(p)).sum()  # noqa: E731
    aux, pixels = output.auxiliary, 2 * 64 * 64
    terms = {
        "mse": np.mean((np.float64(output.x_hat) - np.float64(image())) ** 2),
        "rate_y": bits(output.likelihood_y) / pixels,
        "rate_z": bits(output.likelihood_z) / pixels,
        "rate_aux": bits(aux.likelihood_y) / pixels,
        "factorized": (np.float64(aux.likelihood_y) * -np.log2(np.float64(aux.likelihood_y_factorized))).sum() / pixels,
    }
    terms["distortion"] = 0.05 * 255**2 * terms["mse"]
    terms["cca"] = terms["rate_y"] - terms["rate_aux"]
    plain = terms["distortion"] + rate_weight * (terms["rate_y"] + terms["rate_z"])
    return {**terms, "loss": plain + cca_weight * terms["cca"] + terms["factorized"]}, plain


@pytest.mark.parametrize("form", ["reference", "stopped"])
@pytest.mark.parametrize(("rate_weight", "cca_weight"), [(0.3, 1.0), (7.0, 0.5), (1.8, 0.0)])
def test_value_and_terms_by_hand(evaluate, output, form, rate_weight, cca_weight):
    loss, terms = evaluate(output, rate_weight=rate_weight, cca_weight=cca_weight, form=form)
    expected, _ = by_hand(output, rate_weight, cca_weight)
    assert float(loss) == float(terms.loss)
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(terms, name), value, rtol=2e-5, err_msg=name)
    assert float(terms.aux_floor_fraction) == 0


def test_without_the_auxiliary_model_the_loss_is_rate_and_distortion(evaluate, output):
    loss, terms = evaluate(output, rate_weight=1.8, form="off")
    np.testing.assert_allclose(loss, by_hand(output, 1.8, 1.0)[1], rtol=2e-5)
    assert [float(getattr(terms, name)) for name in ("rate_aux", "cca", "factorized", "aux_floor_fraction")] == [0] * 4


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_floor_fraction_counts_likelihoods_on_the_floor(evaluate, output, share):
    aux = output.auxiliary
    floored = jnp.where(
        jnp.arange(aux.likelihood_y.size) < share * aux.likelihood_y.size, 1e-9, aux.likelihood_y.ravel()
    )
    aux = aux.replace(likelihood_y=floored.reshape(aux.likelihood_y.shape))
    _, terms = evaluate(output.replace(auxiliary=aux), rate_weight=1.0)
    assert float(terms.aux_floor_fraction) == share
    if share == 1:
        assert math.isclose(terms.rate_aux, math.log2(1e9) * 12 / 256, rel_tol=1e-5)


def test_certain_symbols_and_a_perfect_image_cost_nothing(evaluate, output):
    one = jnp.ones((2, 4, 4, 12))
    free = output.replace(
        x_hat=jnp.asarray(image()),
        likelihood_y=one,
        likelihood_z=jnp.ones((2, 1, 1, 4)),
        auxiliary=AuxiliaryOutput(one, one),
    )
    loss, terms = evaluate(free, rate_weight=3.5)
    assert float(loss) == 0
    assert float(terms.rate_y) == 0


def test_ms_ssim_takes_the_place_of_the_error(evaluate, output):
    x = image(192)
    x_hat = np.clip(x + np.random.default_rng(3).normal(0, 0.1, x.shape), 0, 1).astype(np.float32)
    seen = output.replace(x_hat=jnp.asarray(x_hat))
    loss, terms = evaluate(seen, x, rate_weight=2.0, form="off", distortion="ms-ssim")
    expected = 0.05 * (1 - np.mean(ms_ssim(jnp.asarray(x), jnp.asarray(x_hat))))
    assert 0.0005 < expected < 0.05
    np.testing.assert_allclose(terms.distortion, expected, rtol=1e-4)
    np.testing.assert_allclose(loss, terms.distortion + 2 * (terms.rate_y + terms.rate_z), rtol=1e-5)
    np.testing.assert_allclose(terms.mse, np.mean((np.float64(x_hat) - x) ** 2), rtol=1e-5)


def test_a_rate_and_a_rate_weight_exclude_each_other(evaluate, output):
    for options in ({}, {"rate": RatePoint.single(1.0), "rate_weight": 1.0}):
        with pytest.raises(ValueError, match="takes a rate or, for a model of one rate, a rate_weight"):
            evaluate(output, **options)


def test_unknown_forms_and_distortions_are_refused(evaluate, output, monkeypatch):
    monkeypatch.setattr("test_loss.rate_distortion_cca", loss.rate_distortion_cca)  # past the annotations
    with pytest.raises(ValueError, match="form must be reference, stopped or off, got 'stop'"):
        evaluate(output, rate_weight=1.0, form="stop")
    with pytest.raises(ValueError, match="distortion must be mse or ms-ssim, got 'psnr'"):
        evaluate(output, rate_weight=1.0, distortion="psnr")
