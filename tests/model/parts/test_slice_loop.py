"""A TPU's loop over slices of one size, against the recurrence slice by slice."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.config import ModelConfig
from cca_jax.model.parts import slice_networks
from cca_jax.model.parts.padded_slices import (
    context_runs,
    pad_channels,
    padded_head,
    stacked_slices,
    unpad_channels,
    unstacked_slices,
)
from cca_jax.model.parts.slice_networks import SliceNetworks, picture_only_heads
from cca_jax.model.rates import RatePoint
from cca_jax.model.recurrence import register_context_rule, slice_loop
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
        assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {jnp.dtype(jnp.float32)}
        return sum(jnp.sin(leaf).sum() for leaf in jax.tree.leaves(found)), found

    return jax.jit(lambda *a: jax.value_and_grad(summed, argnums=tuple(range(5)), has_aux=True)(*a))(*arguments)


@pytest.fixture
def looping(monkeypatch):
    """From when on the networks of slices are a loop, whatever this machine is."""

    def start():
        monkeypatch.setattr(platform, "of_program", lambda: "tpu")
        monkeypatch.setattr(slice_networks, "_LOOPED_WIDTH", 1)

    return start


@pytest.fixture
def case(micro, micro_lite, micro_context, draw_lively):
    """Networks of four slices, and what `decode_known` is given with them."""
    bases = {
        "context": micro,
        "context, three rates": dataclasses.replace(micro, rate_weights=micro_lite.rate_weights),
        "hyperprior_exact": micro_lite,
        "context_exact": micro_context,
    }

    def make(kind, rule, skip, **options):
        changes = {"context_rule": rule, "num_slices": 4, "latent_channels": 24, "context_blocks": 1}
        config = dataclasses.replace(bases[kind], **changes)
        params = draw_lively(config)
        own = params["slices"] if skip == 0 else params["auxiliary"]["slices"]
        y, mean, scale = (normal(seed, 2, 2, 3, 24) for seed in range(3))
        step_size = jnp.exp(normal(3, 2, 1, 1, 24)) if config.rate_weights else None
        return (
            SliceNetworks(config, skip, **options),
            own,
            y,
            mean,
            None if kind == "context_exact" else scale,
            step_size,
        )

    return make


@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize(
    ("kind", "rule", "skip", "remat"),
    [
        ("context", "causal", 0, False),
        ("context", "tests.every_second", 0, True),  # slices 2 and 3 are seen by none: their heads are after the loop
        ("context", "causal", 1, True),  # slices 2 and 3 are seen by none, and have no residual prediction
        ("context", "none", 0, False),  # all heads are after the loop
        ("context", "none", 1, False),  # no slice has a residual prediction
        ("context, three rates", "causal", 0, False),
        ("hyperprior_exact", "causal", 0, True),
        ("context_exact", "causal", 1, False),
    ],
)
def test_the_loop_computes_what_the_recurrence_does(case, looping, kind, rule, skip, remat):
    arguments = case(kind, rule, skip, remat=remat)
    expected = decoded_and_predicted(*arguments)
    looping()
    found = decoded_and_predicted(*arguments)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), found, expected)


@pytest.mark.usefixtures("quick_compilation")
def test_the_loop_in_bfloat16(case, looping):
    arguments = case("context", "none", 0, compute_dtype=jnp.bfloat16)  # no slice's symbols change what another is
    expected = decoded_and_predicted(*arguments)
    looping()
    found = decoded_and_predicted(*arguments)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0.1, atol=0.05 * np.abs(b).max()), found, expected)


def test_heads_of_the_picture_alone_are_trained_without_the_loop(case, looping):
    looping()
    networks, own, y, mean, scale, _ = case("context", "causal", 0)
    (last,) = picture_only_heads(networks.config)
    name = last.removeprefix("slices/")

    def loops_of_gradient(name):
        def summed(part):
            known = {**own, name: part}
            return networks.apply({"params": known}, y, mean, scale, None, method="decode_known").decoded[-1].sum()

        return str(jax.make_jaxpr(jax.grad(summed))(own[name])).count("reverse=True")

    assert loops_of_gradient(name) == 0
    assert loops_of_gradient("residual_heads_0") > 0


@pytest.mark.parametrize(
    ("kind", "width", "slices", "looped"),
    [
        (SliceNetworks, 4, 2, True),
        (SliceNetworks, 5, 2, False),
        (OwnNetworks, 4, 2, False),
        (SliceNetworks, 4, 1, False),
    ],
)
def test_a_tpu_loops_over_these_networks_where_they_are_wide(
    micro, draw_lively, monkeypatch, kind, width, slices, looped
):
    config = dataclasses.replace(micro, num_slices=slices)
    own = draw_lively(config)["slices"]
    monkeypatch.setattr(platform, "of_program", lambda: "tpu")
    monkeypatch.setattr(slice_networks, "_LOOPED_WIDTH", width)
    loops = []
    monkeypatch.setattr(slice_networks, "slice_loop", lambda *given: loops.append(given) or slice_loop(*given))
    x = jax.ShapeDtypeStruct((1, 2, 2, config.latent_channels), jnp.float32)

    def decode(y, mean, scale):
        return kind(config, 0).apply({"params": own}, y, mean, scale, None, method="decode_known").decoded

    jax.eval_shape(decode, x, x, x)
    assert len(loops) == looped


def test_runs_of_channels_are_padded_and_cut_again():
    x, runs = jnp.arange(1, 7).reshape(2, 3), [(1, 2), (0, 2), (2, 2)]
    padded = pad_channels(x, -1, runs)
    np.testing.assert_array_equal(padded, [[1, 0, 0, 0, 2, 3], [4, 0, 0, 0, 5, 6]])
    np.testing.assert_array_equal(unpad_channels(padded, -1, runs), x)
    np.testing.assert_array_equal(pad_channels(x, 0, [(2, 3)], value=9.0), [[1, 2, 3], [4, 5, 6], [9, 9, 9]])


def test_parameters_that_are_not_there_are_not_passed_over():
    with pytest.raises(KeyError, match="last"):
        padded_head({"first": {"kernel": jnp.ones((3, 3, 1, 2))}}, [(1, 2)], [(1, 1)])


def test_a_slice_has_channels_for_all_that_any_sees():
    config = ModelConfig(latent_channels=10, num_slices=4, explicit_slices=(1, 2, 3, 4))
    assert context_runs(config, 2, 0) == [(10, 10), (1, 1), (2, 2), (0, 3)]
    assert context_runs(config, 3, 1) == [(10, 10), (1, 1), (2, 2)]


def test_stacked_slices():
    config, latent = ModelConfig(latent_channels=6, num_slices=3, explicit_slices=(1, 2, 3)), jnp.arange(6.0)
    stacked = stacked_slices(config, latent, 7.0)
    np.testing.assert_array_equal(stacked, [[0, 7, 7], [1, 2, 7], [3, 4, 5]])
    np.testing.assert_array_equal(jnp.concatenate(unstacked_slices(config, stacked)), latent)
