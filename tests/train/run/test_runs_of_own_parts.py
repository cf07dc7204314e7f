"""A user's parts in a run, from the configuration file to a model that codes."""

import dataclasses
import json

import numpy as np
import pytest

from cca_jax import register_transforms
from cca_jax.codec.codec import load_model
from cca_jax.config import ModelConfig
from cca_jax.model.parts.gdn import GDNAnalysis, GDNSynthesis
from train.export import export
from train.recipe.durations import Duration
from train.recipe.options import config_of, parser
from train.run.loop import run

pytestmark = pytest.mark.usefixtures("quick_compilation")


class MyAnalysis(GDNAnalysis):
    pass


register_transforms("tests.mine", MyAnalysis, GDNSynthesis)


def test_a_run_of_registered_transforms_ends_in_a_model_that_codes(train_config, memory_data, one_device, tmp_path):
    model = dataclasses.replace(train_config.model, transforms="tests.mine")
    config = dataclasses.replace(train_config, model=model, duration=Duration(2), drop_at=Duration(1))
    run(config, memory_data, tmp_path / "run", mesh=one_device, tell=lambda line: None)
    export(tmp_path / "run", tmp_path / "mine", "mine", "float32", None, best=False)
    codec = load_model(tmp_path / "mine")
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    assert codec.config == model
    assert codec.decompress(codec.compress(image)).shape == image.shape


def options(path, *flags):
    return parser().parse_args(["--data", "x", "--out", "y", "--preset", str(path), *flags])


def test_a_file_that_changes_a_preset_takes_its_recipe(tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps({"preset": "lite", "transforms": "gdn"}))
    config = config_of(options(tmp_path / "mine.json"))
    assert (config.patch_size, config.cca, config.cca_weight) == (256, "stopped", 0.05)
    assert config.first_parameters == "drawn"  # the plain transform codec is of the paper's transforms
    with pytest.raises(ValueError, match="--first-parameters coding is for the paper's transforms"):
        config_of(options(tmp_path / "mine.json", "--first-parameters", "coding"))


def test_a_model_without_context_has_no_cca_term():
    assert config_of(options("mbt2018-mean")).cca == "off"
    with pytest.raises(ValueError, match="--cca stopped: no slice of this model is predicted from another"):
        config_of(options("mbt2018-mean", "--cca", "stopped"))


def test_an_entropy_model_without_context_wants_no_context_rule(train_config):
    model = ModelConfig(**{**train_config.model.to_dict(), "entropy_model": "mean_scale"})
    from cca_jax.model.parameters.shapes import parameter_shapes

    with pytest.raises(ValueError, match="context_rule must be 'none', got 'causal'"):
        parameter_shapes(model, False)
