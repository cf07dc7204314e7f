"""The parts of 2018 against CompressAI, with converted weights (eval/verify/dump_compressai.py made the numbers)."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.config import PRESETS, ModelConfig
from cca_jax.convert.names import params_from_torch, torch_from_params
from cca_jax.entropy_coding import coders
from cca_jax.model.cca import CCAModel
from cca_jax.model.parameters.initialize import initial_params
from cca_jax.model.parameters.shapes import flatten, parameter_shapes
from cca_jax.model.parts.gdn import GDN

pytestmark = pytest.mark.usefixtures("quick_compilation")
CONFIG = ModelConfig(
    latent_channels=6,
    hyper_channels=4,
    transform_channels=(4, 4, 4),
    transform_blocks=(0, 0, 0),
    bottleneck_blocks=0,
    num_slices=1,
    transforms="gdn",
    context_rule="none",
    entropy_model="mean_scale",
)


def ours(array):
    return array.transpose(0, 2, 3, 1)


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parents[2] / "golden" / "mbt2018_mean.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def state_dict(golden):
    return {name.removeprefix("weight/"): value for name, value in golden.items() if name.startswith("weight/")}


@pytest.fixture(scope="module")
def params(state_dict):
    return params_from_torch(state_dict, CONFIG)


@pytest.fixture(scope="module")
def output(golden, params):
    image = jnp.asarray(ours(golden["image"]) / np.float32(255))
    return jax.jit(lambda params: CCAModel(CONFIG).apply({"params": params}, image, auxiliary=False))(params)


@pytest.mark.parametrize("name", ["y", "z", "means", "x_hat", "likelihood_y", "likelihood_z"])
def test_numbers_are_those_of_compressai(golden, output, name):
    np.testing.assert_allclose(getattr(output, name), ours(golden[name]), rtol=2e-4, atol=2e-5)


def test_scales_are_those_of_compressai_above_their_floor(golden, output):
    np.testing.assert_allclose(output.scales, np.maximum(ours(golden["scales"]), 0.11), rtol=1e-4, atol=1e-5)
    assert golden["scales"].min() < 0.11 < golden["scales"].max()


def test_there_is_something_to_code(golden):
    assert np.abs(np.round(golden["y"] - golden["means"])).max() > 2
    assert golden["likelihood_y"].min() < 0.1


def test_the_synthesis_transform_alone(golden, params):
    y_hat = ours(np.round(golden["y"] - golden["means"]) + golden["means"])
    synthesize = jax.jit(lambda params, y: CCAModel(CONFIG).apply({"params": params}, y, method="synthesize"))
    x_hat = synthesize(params, jnp.asarray(y_hat))
    np.testing.assert_allclose(x_hat, ours(golden["x_hat"]), rtol=2e-4, atol=2e-5)


def test_names_and_layouts_go_both_ways(params, state_dict):
    back = torch_from_params(params, CONFIG)
    assert set(back) == set(state_dict)
    for name, value in back.items():
        np.testing.assert_array_equal(value, state_dict[name])


def test_converted_weights_code(golden, params):
    codec = Codec(Bundle.build("mbt", "", CONFIG, params), coders.get_coder("constriction"))
    encoding = codec.encode(ours(golden["image"])[0])
    decoded = codec.decompress(encoding.data)
    np.testing.assert_array_equal(decoded, codec.restore(encoding))
    estimate = -np.log2(golden["likelihood_y"]).sum()
    assert encoding.bits_per_stream[1] == pytest.approx(estimate, rel=0.02, abs=64)


def test_the_inverse_norm_divides_by_what_the_norm_multiplies():
    """By hand: √(β + Σ γ x²) with β = 1 and γ = 0.1 on the diagonal, as drawn."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 2, 3, 4)).astype(np.float32))
    norm = np.sqrt(1 + 0.1 * np.square(x))
    for inverse, expected in ((False, x / norm), (True, x * norm)):
        np.testing.assert_allclose(GDN(inverse).init_with_output(jax.random.key(0), x)[0], expected, rtol=1e-5)


def test_the_preset_has_the_sizes_of_the_published_model():
    """CompressAI's mbt2018_mean(quality=1) with N = 128, M = 192."""
    shapes = parameter_shapes(PRESETS["mbt2018-mean"], False)
    assert shapes["analysis/down_0/kernel"] == (5, 5, 3, 128)
    assert shapes["synthesis/gdn_2/gamma"] == (128, 128)
    assert shapes["hyper_synthesis/second/kernel"] == (5, 5, 192, 288)
    assert shapes["hyper_synthesis/last/kernel"] == (3, 3, 288, 384)
    trained = sum(np.prod(shape) for name, shape in shapes.items() if not name.endswith("quantiles"))
    assert trained == 7_028_003 - 128 * 3


def test_first_parameters(params):
    drawn = flatten(initial_params(CONFIG, seed=0))
    assert set(drawn) == {*flatten(params), *(name for name in drawn if name.startswith("auxiliary/prior/"))}
    np.testing.assert_allclose(drawn["analysis/gdn_0/beta"], 1)
