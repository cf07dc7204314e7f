"""A step that finishes a model: of what moves, the objective's own gradient; all else stays, bit by bit."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.bitstream import container
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.entropy_coding.coders import get_coder
from cca_jax.model.cca import CCAModel
from cca_jax.model.parameters.picture_only import picture_only
from cca_jax.model.parameters.shapes import flatten
from cca_jax.model.parts.chosen import picture_only_parts
from cca_jax.model.rates import RatePoint
from cca_jax.objective.loss import rate_distortion_cca
from train.plan.memory import estimate_memory
from train.step.compiled import build_model
from train.step.optimizers.optimizer import Optimizer
from train.step.state import first_moments, initial_state
from train.step.step import train_step

pytestmark = pytest.mark.usefixtures("quick_compilation")

DECAYING = Optimizer("adamw", "weight_decay=0.1")


@pytest.fixture(scope="module")
def params(micro_context_params):
    return {name: value for name, value in micro_context_params.items() if name != "auxiliary"}


@pytest.fixture(scope="module")
def objective(micro_context, micro_image):
    """What is minimised: on rounded latents, at two rates."""
    rate = RatePoint.at(micro_context, jnp.array([0.5, 1.5]))
    return {"image": micro_image, "noise": None, "rate": rate, "form": "off"}


@pytest.fixture(scope="module")
def steps(micro_context, params, objective):
    """Three steps with weight decay and a moving average, in either layout: the first state and those after."""

    def go(layout):
        run = jax.jit(
            lambda state: train_step(
                CCAModel(micro_context), state, objective["image"], None, learning_rate=1e-3, rate=objective["rate"],
                form="off", max_norm=np.inf, average_decay=0.5, optimizer=DECAYING,
            )
        )  # fmt: skip
        parts = picture_only_parts(micro_context)
        states = [initial_state(params, average=True, optimizer=DECAYING, layout=layout, finish=parts)]
        for _ in range(3):
            states.append(run(states[-1])[0])
        return states

    return {layout: go(layout) for layout in ("vector", "arrays")}


def test_all_but_what_decides_pictures_stays_bit_by_bit(steps, params, micro_context):
    before = flatten(params)
    moving = picture_only(before, picture_only_parts(micro_context))
    for states in steps.values():
        for kind in ("params", "best_params"):
            after = flatten(getattr(states[-1], kind))
            assert after.keys() == before.keys()
            changed = {name for name, value in before.items() if not np.array_equal(value, after[name])}
            assert changed <= moving
            assert {name.split("/")[0] for name in changed} == {"synthesis", "slices"}


def test_the_average_is_that_of_what_moves(steps):
    name = "synthesis/up_3/kernel"
    for states in steps.values():
        average = flatten(states[0].params)[name]
        for step, state in enumerate(states[1:]):
            decay = min(0.5, (1 + step) / (10 + step))
            average = decay * average + (1 - decay) * flatten(state.params)[name]
        np.testing.assert_allclose(flatten(states[-1].best_params)[name], average, rtol=1e-5, atol=1e-7)


def test_layouts_agree(steps):
    vector, arrays = (flatten(steps[layout][-1].best_params) for layout in ("vector", "arrays"))
    for name, value in vector.items():
        np.testing.assert_allclose(value, arrays[name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_the_gradient_is_the_objectives(params, micro_context, objective):
    model = CCAModel(micro_context)
    loss = partial(rate_distortion_cca, model, **{k: v for k, v in objective.items() if k not in ("image", "noise")})
    expected = flatten(jax.jit(jax.grad(lambda p: loss(p, objective["image"], None)[0]))(params))
    parts = picture_only_parts(micro_context)
    state = initial_state(params, finish=parts)
    after, report = jax.jit(
        lambda s: train_step(
            model, s, objective["image"], None, learning_rate=1e-3, rate=objective["rate"], form="off", max_norm=np.inf
        )
    )(state)
    moments = flatten(first_moments(after))
    moving = picture_only(expected, parts)
    scale = max(float(jnp.abs(expected[name]).max()) for name in moving)
    for name, gradient in expected.items():
        wanted = 0.1 * gradient if name in moving else jnp.zeros_like(gradient)
        np.testing.assert_allclose(moments[name], wanted, rtol=1e-3, atol=1e-5 * scale, err_msg=name)
    norm = np.sqrt(sum(float(jnp.square(expected[name]).sum()) for name in moving))
    np.testing.assert_allclose(report.grad_norm, norm, rtol=1e-4)


def test_a_file_stays_the_same_but_for_the_models_name(steps, params, micro_context):
    image = np.random.default_rng(3).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    codecs = [
        Codec(Bundle.build("m", "", micro_context, jax.device_get(weights), "float32"), get_coder("constriction"))
        for weights in (params, steps["vector"][-1].best_params)
    ]
    files = [codec.compress(image, quality=60) for codec in codecs]
    assert codecs[0].bundle.identity != codecs[1].bundle.identity
    renamed = dataclasses.replace(container.read(files[0]), model_identity=codecs[1].bundle.identity)
    assert container.write(renamed) == files[1]
    pictures = [codec.decompress(data) for codec, data in zip(codecs, files, strict=True)]
    assert not np.array_equal(*pictures)


def test_latents_are_those_of_float32_networks_whatever_the_precision(train_config, micro_context, params, objective):
    config = dataclasses.replace(
        train_config, model=micro_context, finish=True, cca="off", rate_proxy="rounded", precision="bfloat16"
    )
    arguments = {"rate": objective["rate"], "auxiliary": False}
    apply = jax.jit(lambda m: m.apply({"params": params}, objective["image"], **arguments), static_argnums=0)
    exact, finishing = apply(CCAModel(micro_context)), apply(build_model(config))
    for name in ("y_hat", "likelihood_y", "likelihood_z"):
        np.testing.assert_array_equal(getattr(finishing, name), getattr(exact, name))
    difference = np.abs(finishing.x_hat - exact.x_hat).max() / np.abs(exact.x_hat).max()
    assert 1e-5 < difference < 0.1


def test_a_step_holds_what_it_trains(train_config, one_device):
    whole = dataclasses.replace(train_config, cca="off", rate_proxy="rounded")
    config = dataclasses.replace(whole, finish=True)
    plain, finishing = (estimate_memory(c, build_model(c), one_device) for c in (whole, config))
    assert finishing.gradients < 0.5 * plain.gradients
    assert finishing.activations < 0.7 * plain.activations
    assert finishing.state < plain.state
