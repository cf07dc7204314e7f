"""First parameters of an auxiliary model beside a main model that has learned."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.cca import CCAModel
from cca_jax.model.parameters.shapes import AUXILIARY, flatten, parameter_shapes, unflatten
from cca_jax.model.rates import RatePoint
from train.init.auxiliary_init import auxiliary_from_main


def main_of(params):
    named = {name: np.array(value) for name, value in flatten(params).items()}
    return {name: value for name, value in named.items() if not name.startswith(AUXILIARY)}


def deaf_to_the_latest(main, config):
    """A main model that reads of each context all but the most recent slice."""
    deaf = dict(main)
    for name, value in main.items():
        if name.endswith("stack/enter/kernel"):
            index = int(name.split("/")[1].rpartition("_")[2])
            if index > 0:
                first, last = (config.latent_channels + edge for edge in config.slice_edges[index - 1 : index + 1])
                deaf[name] = value.copy()
                deaf[name][..., first:last, :] = 0
        if "exact_scales/context_" in name and name.endswith("symbols/kernel"):
            index = int(name.split("/")[1].rpartition("_")[2])
            deaf[name] = value.copy()
            deaf[name][..., slice(*config.slice_edges[index - 1 : index + 1]), :] = 0
    return deaf


def likelihoods(config, main, params, image):
    auxiliary = {name: value for name, value in flatten(params).items() if name.startswith(AUXILIARY)}
    begun = {**auxiliary, **main, **auxiliary_from_main(main, config)}
    rate = RatePoint.at(config, jnp.ones(len(image))) if config.rate_weights else None
    params = jax.tree.map(jnp.asarray, unflatten(begun))
    output = CCAModel(config).apply({"params": params}, image, rate=rate)
    return output.likelihood_y, output.auxiliary.likelihood_y


@pytest.fixture(scope="module", params=["micro", "micro_lite", "micro_context"])
def case(request, draw_lively):
    """A configuration whose auxiliary model refines a slice that has a context, and its parameters."""
    config = dataclasses.replace(request.getfixturevalue(request.param), num_slices=4, slice_exponent=1.0)
    return config, draw_lively(config)


def test_it_has_the_auxiliary_models_shapes(case):
    config, params = case
    actual = {name: value.shape for name, value in auxiliary_from_main(main_of(params), config).items()}
    shapes = parameter_shapes(config, auxiliary=True)
    prior = AUXILIARY + "prior/"
    assert actual == {n: s for n, s in shapes.items() if n.startswith(AUXILIARY) and not n.startswith(prior)}


def test_it_knows_as_much_as_a_main_model_that_is_deaf_to_the_latest_slice(case, micro_image):
    config, params = case
    main = main_of(params)
    both = likelihoods(config, deaf_to_the_latest(main, config), params, micro_image)
    np.testing.assert_allclose(*both, rtol=1e-3, atol=1e-6)
    hearing, auxiliary = likelihoods(config, main, params, micro_image)
    first = config.slice_sizes[0]
    np.testing.assert_allclose(hearing[..., :first], auxiliary[..., :first], rtol=1e-4, atol=1e-6)
    assert not np.allclose(hearing[..., first:], auxiliary[..., first:], rtol=1e-2)


def test_it_is_a_copy(case):
    config, params = case
    main = main_of(params)
    before = {name: value.copy() for name, value in main.items()}
    for value in auxiliary_from_main(main, config).values():
        value += 1
    assert all(np.array_equal(value, before[name]) for name, value in main.items())
