"""Parts of a user's own: registered, shipped and coded with, also by processes that find or do not find them."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import strided_parts  # registers them
from PIL import Image

from cca_jax.bundles.bundle import Bundle, load_bundle, save_bundle
from cca_jax.bundles.registry import find_model
from cca_jax.cli.main import main as cca_jax_main
from cca_jax.codec.codec import Codec
from cca_jax.compile_cache.program_source import source_of
from cca_jax.entropy_coding import coders
from cca_jax.model.cca import CCAModel
from cca_jax.model.coding import coding_steps
from cca_jax.model.parameters.cost import coding_cost
from cca_jax.model.parameters.initialize import initial_params
from cca_jax.model.parameters.shapes import flatten
from cca_jax.model.registry import UnregisteredPartError

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def config(micro_context):
    return dataclasses.replace(micro_context, transforms="strided", context_rule="latest")


@pytest.fixture(scope="module")
def bundle(config):
    return Bundle.build("strided", "of a user's own transforms", config, initial_params(config, seed=0))


@pytest.fixture(scope="module")
def codec(bundle):
    return Codec(bundle, coders.get_coder("constriction"))


@pytest.fixture(scope="module")
def folder(bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "strided"
    save_bundle(bundle, folder, "# strided\n")
    return folder


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (60, 64, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def data(codec, image):
    return codec.compress(image, quality=80)


def test_first_parameters_are_those_of_their_modules(config):
    params = initial_params(config, seed=3)
    blocks = flatten(params["analysis"])["blocks/blocks/conv/kernel"]
    assert blocks.shape == (2, 3, 3, 6, 6)
    assert blocks.std() == pytest.approx((9 * 6) ** -0.5, rel=0.2)  # Flax's own, LeCun's normal
    again, other = initial_params(config, seed=3), initial_params(config, seed=4)
    np.testing.assert_array_equal(flatten(again["analysis"])["blocks/blocks/conv/kernel"], blocks)
    assert (flatten(other["analysis"])["blocks/blocks/conv/kernel"] != blocks).any()
    assert "predictors_0" in params["auxiliary"]["slices"]


def test_it_codes(codec, image, data):
    decoded, output = codec.decompress(data), codec.forward(image, quality=80)
    assert decoded.shape == image.shape
    assert np.abs(np.round(np.clip(output.x_hat[0], 0, 1) * 255) - decoded).max() <= 1
    symbols = np.concatenate(codec.encode(image, quality=80).symbols[1:], axis=-1)
    np.testing.assert_array_equal(np.round((output.y - output.means) / output.step_sizes), symbols)
    assert np.abs(symbols).max() > 2


def test_it_codes_in_tiles(codec, image):
    large = np.tile(image, (3, 2, 1))
    tiled = codec.compress(large, quality=80, tile=64)
    assert codec.decompress(tiled).shape == large.shape


def test_its_cost_is_counted(config):
    """Analysis by hand: kernels times the positions of their outputs, a pixel."""
    kernels = 16 * 3 * 4 / 4 + 16 * 4 * 4 / 16 + 16 * 4 * 6 / 64 + 2 * 9 * 6 * 6 / 64 + 4 * 6 * 12 / 256
    synthesis = 16 * 12 * 6 / 256 + 16 * 6 * 4 / 64 + 16 * 4 * 4 / 16 + 16 * 4 * 3 / 4  # of their inputs
    cost, own = coding_cost(config), coding_cost(dataclasses.replace(config, transforms="naf"))
    hyper = 0.0
    for name, value in flatten(initial_params(config, seed=0)).items():
        strides = {"first": 16, "second": 32, "last": 64}
        if name.startswith("hyper_analysis/") and name.endswith("kernel"):
            hyper += value.size / strides[name.split("/")[1]] ** 2
    assert cost.encode - cost.decode == pytest.approx((kernels + hyper - synthesis) / 1000)
    assert cost.encode != own.encode


def test_a_bundle_says_what_it_needs(folder, bundle):
    assert load_bundle(folder).config == bundle.config
    assert load_bundle(folder).identity == bundle.identity


def test_other_parts_are_another_model(bundle, config):
    for field in ("transforms", "context_rule", "entropy_model"):
        other = dataclasses.replace(bundle, config=dataclasses.replace(config, **{field: "other"}))
        assert other.identity != bundle.identity


def test_programs_of_parts_whose_source_is_unknown_are_not_kept(config, micro_context):
    for parts in ({"transforms": "strided"}, {"context_rule": "latest"}):
        model = CCAModel(dataclasses.replace(micro_context, **parts))
        assert source_of(coding_steps.analyze, (model,)) is None
    for parts in ({}, {"transforms": "gdn"}, {"context_rule": "none"}):
        model = CCAModel(dataclasses.replace(micro_context, **parts))
        assert source_of(coding_steps.analyze, (model,)) is not None


def test_transforms_of_other_shapes_are_refused(config):
    class Narrow(strided_parts.Analysis):
        def __call__(self, image, region=None):
            return super().__call__(image, region)[..., 1:]

    strided_parts.register_transforms("narrow", Narrow, strided_parts.Synthesis)
    with pytest.raises(
        ValueError, match=r"analysis transform of 'narrow' makes of an image \(1, 64, 64, 3\) .*must be"
    ):
        initial_params(dataclasses.replace(config, transforms="narrow"), seed=0)


def test_a_name_is_given_once():
    strided_parts.register_transforms("strided", strided_parts.Analysis, strided_parts.Synthesis)  # the same again
    with pytest.raises(ValueError, match="the name 'strided' is taken among the registered transforms"):
        strided_parts.register_transforms("strided", strided_parts.Synthesis, strided_parts.Analysis)
    with pytest.raises(ValueError, match="is no name of transforms"):
        strided_parts.register_transforms("a b", strided_parts.Analysis, strided_parts.Synthesis)


def command(arguments, folder, **environment):
    """`cca-jax` in a process that has not imported the parts."""
    known = {**os.environ, "CCA_JAX_MODELS": str(folder.parent), **environment}
    line = [sys.executable, "-m", "cca_jax.cli", *map(str, arguments)]
    return subprocess.run(line, env=known, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_process_that_does_not_know_them_says_so_in_a_line(folder, data, tmp_path):
    (tmp_path / "x.cca").write_bytes(data)
    ran = command(["decompress", tmp_path / "x.cca", "-o", tmp_path / "x.png"], folder)
    assert ran.returncode == 2
    assert len(ran.stderr.splitlines()) == 1
    assert "unregistered transforms 'strided'" in ran.stderr
    assert "CCA_JAX_PARTS" in ran.stderr
    assert not (tmp_path / "x.png").exists()


def test_a_process_finds_them_by_the_environment(folder, codec, data, tmp_path):
    (tmp_path / "x.cca").write_bytes(data)
    places = {"CCA_JAX_PARTS": "strided_parts", "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)])}
    ran = command(["decompress", tmp_path / "x.cca", "-o", tmp_path / "x.png"], folder, **places)
    assert ran.returncode == 0, ran.stderr
    decoded = np.asarray(Image.open(tmp_path / "x.png")).astype(int)
    assert np.abs(decoded - codec.decompress(data)).max() <= 1  # that process optimises more


def test_a_module_that_cannot_be_imported_is_named(bundle, monkeypatch):
    monkeypatch.setenv("CCA_JAX_PARTS", "no_such_module_of_parts")
    with pytest.raises(UnregisteredPartError, match=r"CCA_JAX_PARTS .*no_such_module_of_parts.* cannot"):
        initial_params(dataclasses.replace(bundle.config, transforms="nobodys"), seed=0)


def test_an_installed_model_of_unknown_parts_is_found_and_named(folder, bundle, monkeypatch, capsys, tmp_path):
    text = (folder / "config.json").read_text()
    unknown = tmp_path / "models" / "unknown"
    unknown.mkdir(parents=True)
    (unknown / "config.json").write_text(text.replace('"strided"', '"nobodys"'))
    (unknown / "weights.safetensors").write_bytes((folder / "weights.safetensors").read_bytes())
    monkeypatch.setenv("CCA_JAX_MODELS", str(unknown.parent))
    with pytest.raises(UnregisteredPartError, match=r"model .*unknown: unregistered transforms 'nobodys'"):
        find_model(bundle.identity)
    assert cca_jax_main(["info", str(unknown)]) == 2
    assert "unregistered transforms 'nobodys'" in capsys.readouterr().err
    assert cca_jax_main(["models"]) == 0  # the others are listed


def test_bfloat16_reaches_no_latent(config, image):
    params = initial_params(config, seed=0, auxiliary=False)
    y = CCAModel(config, jnp.bfloat16).apply({"params": params}, jnp.zeros((1, 64, 64, 3)), method="analyze")
    assert y.dtype == jnp.float32
