"""Models with an entropy model that a user registered are finished: what it declares is trained, nothing else of it."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.cca import CCAModel
from cca_jax.model.parameters.shapes import flatten, unflatten
from cca_jax.model.parts.chosen import register_entropy_model
from cca_jax.model.parts.mean_scale import MeanScaleHyperAnalysis, MeanScaleHyperSynthesis, MeanScaleSlices
from cca_jax.model.rates import RatePoint
from train.step.compiled import build_model
from train.step.state import initial_state
from train.step.step import train_step

pytestmark = pytest.mark.usefixtures("quick_compilation")


class Refined(MeanScaleSlices):
    """Slices that no other sees, each corrected by a network of its own."""

    def setup(self):
        self.refiners = [nn.Dense(size) for size in self.config.slice_sizes]

    def refine(self, index, features, dequantized, region=None, step_size=None):
        del region, step_size
        return dequantized + 0.1 * self.refiners[index](jnp.concatenate([features, dequantized], axis=-1))


for name, declared in (("silent", {}), ("declaring", {"picture_only": lambda config: ["slices/refiners_1"]})):
    register_entropy_model(
        f"tests.{name}",
        hyper_analysis=MeanScaleHyperAnalysis,
        hyper_synthesis=MeanScaleHyperSynthesis,
        slices=Refined,
        shared_synthesis=True,
        reads_context=False,
        **declared,
    )


@pytest.mark.parametrize(
    ("name", "parts"), [("tests.silent", {"synthesis"}), ("tests.declaring", {"synthesis", "slices/refiners_1"})]
)
def test_what_a_registered_entropy_model_declares_is_trained_alone(
    train_config, micro, draw_lively, micro_image, name, parts
):
    model = dataclasses.replace(micro, context_rule="none", entropy_model=name)
    config = dataclasses.replace(train_config, model=model, cca="off", rate_proxy="rounded", finish=True)
    assert set(config.finished_parts) == parts
    before = {n: v for n, v in flatten(draw_lively(model)).items() if not n.startswith("auxiliary/")}
    state = initial_state(unflatten(before), finish=config.finished_parts)
    rate = RatePoint.single(1000.0)
    after = jax.jit(
        lambda state: train_step(
            build_model(config), state, micro_image, None, learning_rate=1e-2, rate=rate, form="off"
        )[0]
    )(state)
    trained = flatten(after.params)
    changed = {n for n, v in before.items() if not np.array_equal(v, trained[n])}
    assert {n.split("/")[0] if n.startswith("synthesis") else n.rpartition("/")[0] for n in changed} == parts
    apply = jax.jit(lambda p: CCAModel(model).apply({"params": unflatten(p)}, micro_image, auxiliary=False))
    one, other = apply(before), apply(trained)
    for coded in ("z", "means", "scales", "likelihood_y", "likelihood_z"):
        np.testing.assert_array_equal(getattr(one, coded), getattr(other, coded))
    assert not np.array_equal(one.x_hat, other.x_hat)
