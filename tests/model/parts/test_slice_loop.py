"""A TPU's loop over slices of one size, against the recurrence slice by slice."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.config import ModelConfig
from cca_jax.model.parts import slice_networks
from cca_jax.model.parts.equal_sizes import context_places, in_places, stacked_slices
from cca_jax.model.parts.slice_networks import SliceNetworks
from cca_jax.model.rates import RatePoint
from cca_jax.model.recurrence import register_context_rule
from cca_jax.ops import platform

register_context_rule("tests.every_second", lambda index: range(index % 2, index, 2))


class OwnNetworks(SliceNetworks):
    def refine(self, *arguments, **named):
        return 2 * super().refine(*arguments, **named)


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape, np.float32))


def decoded_and_predicted(networks, own, y, mean, scale, step_size):
    """What a function of all that comes of it is, and its gradients to all that goes in."""
    rate = None if step_size is None else RatePoint(jnp.ones(len(y)), step_size=step_size)
    arguments = own, 3 * y, mean, scale, rate

    def summed(own, y, mean, scale, rate):
        found = networks.apply({"params": own}, y, mean, scale, rate, method="decode_known")
        return sum(jnp.sin(leaf).sum() for leaf in jax.tree.leaves(found)), found

    return jax.jit(lambda *a: jax.value_and_grad(summed, argnums=tuple(range(5)), has_aux=True)(*a))(*arguments)


@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize(
    ("kind", "rule", "skip"),
    [
        ("context", "causal", 0),
        ("context", "tests.every_second", 1),  # slice 1 is seen by none, and has no residual prediction
        ("context", "none", 1),  # no slice has
        ("hyperprior_exact", "causal", 0),
        ("context_exact", "causal", 1),
    ],
)
def test_the_loop_computes_what_the_recurrence_does(
    micro, micro_lite, micro_context, draw_lively, monkeypatch, kind, rule, skip
):
    base = {"context": micro, "hyperprior_exact": micro_lite, "context_exact": micro_context}[kind]
    config = dataclasses.replace(base, context_rule=rule, num_slices=4, latent_channels=24, context_blocks=1)
    params = draw_lively(config)
    own = params["slices"] if skip == 0 else params["auxiliary"]["slices"]
    y, mean, scale = (normal(seed, 2, 2, 3, 24) for seed in range(3))
    step_size = jnp.exp(normal(3, 2, 1, 1, 24)) if config.rate_weights else None
    arguments = SliceNetworks(config, skip), own, y, mean, None if kind == "context_exact" else scale, step_size
    expected = decoded_and_predicted(*arguments)
    monkeypatch.setattr(platform, "of_program", lambda: "tpu")
    monkeypatch.setattr(slice_networks, "_LOOPED_WIDTH", 1)
    found = decoded_and_predicted(*arguments)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), found, expected)


@pytest.mark.parametrize(
    ("kind", "width", "looped"),
    [(SliceNetworks, 4, True), (SliceNetworks, 5, False), (OwnNetworks, 4, False)],
)
def test_a_tpu_loops_over_these_networks_where_they_are_wide(micro, micro_params, monkeypatch, kind, width, looped):
    monkeypatch.setattr(platform, "of_program", lambda: "tpu")
    monkeypatch.setattr(slice_networks, "_LOOPED_WIDTH", width)
    x = jax.ShapeDtypeStruct((1, 2, 2, micro.latent_channels), jnp.float32)

    def decode(y, mean, scale):
        return kind(micro, 0).apply({"params": micro_params["slices"]}, y, mean, scale, None, method="decode_known")[0]

    assert (f"length={micro.num_slices}" in str(jax.make_jaxpr(decode)(x, x, x))) == looped


def test_runs_of_channels_are_filled_up():
    x = jnp.arange(1, 7).reshape(2, 3)
    np.testing.assert_array_equal(in_places(x, -1, [(1, 2), (0, 2), (2, 2)]), [[1, 0, 0, 0, 2, 3], [4, 0, 0, 0, 5, 6]])
    np.testing.assert_array_equal(in_places(x, 0, [(2, 3)], filling=9), [[1, 2, 3], [4, 5, 6], [9, 9, 9]])


def test_a_slice_has_channels_for_all_that_any_sees():
    config = ModelConfig(latent_channels=10, num_slices=4, explicit_slices=(1, 2, 3, 4))
    assert context_places(config, 2, 0) == [(10, 10), (1, 1), (2, 2), (0, 3)]
    assert context_places(config, 3, 1) == [(10, 10), (1, 1), (2, 2)]


def test_stacked_slices():
    config = ModelConfig(latent_channels=6, num_slices=3, explicit_slices=(1, 2, 3))
    np.testing.assert_array_equal(stacked_slices(config, jnp.arange(6), 7), [[0, 7, 7], [1, 2, 7], [3, 4, 5]])
