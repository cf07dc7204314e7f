"""What a variant's file may say, and the runs that it asks for."""

import argparse
import json

import pytest

from train.compare.variants import read_variant, read_variants
from train.recipe.durations import Duration
from train.recipe.options import add_recipe, add_run


def common(*words):
    parser = argparse.ArgumentParser()
    add_run(parser)
    add_recipe(parser)
    arguments = ["--data", "photos", "--preset", "lite", "--steps", "100", "--learning-rate", "1e-3", *words]
    return parser.parse_args(arguments)


@pytest.fixture
def write(tmp_path):
    def to_file(values, name="variant"):
        path = tmp_path / f"{name}.json"
        path.write_text(values if isinstance(values, str) else json.dumps(values))
        return path

    return to_file


def test_a_variant_changes_what_it_names_and_nothing_else(write):
    options = {
        "cca": "off", "learning_rate": 3e-4, "warmup": 7, "remat": True, "init_from": "m",
        "model": {"scale_source": "hyperprior_exact", "head_channels": [24, 16]},
    }  # fmt: skip
    plain, _ = read_variant(write({}, "plain")).run(common(), 5)
    config, init_from = read_variant(write(options)).run(common(), 5)
    assert init_from == "m"
    assert (config.cca, config.learning_rate, config.warmup, config.remat) == ("off", 3e-4, Duration(7), True)
    assert (config.model.scale_source, config.model.head_channels) == ("hyperprior_exact", (24, 16))
    changed = {name for name, value in config.to_dict().items() if plain.to_dict()[name] != value}
    assert changed == {"cca", "learning_rate", "warmup", "remat", "model"}
    models = config.model.to_dict(), plain.model.to_dict()
    assert {n for n, v in models[0].items() if models[1][n] != v} == {"scale_source", "head_channels"}
    assert (plain.learning_rate, plain.seed, plain.duration) == (1e-3, 5, Duration(100))


def test_common_options_hold_where_a_variant_says_nothing(write):
    variant = read_variant(write({"cca": "stopped"}))
    config, init_from = variant.run(common("--init-from", "m", "--no-remat", "--cca", "off"), 0)
    assert (init_from, config.cca, config.remat) == ("m", "stopped", False)
    assert variant.run(common("--init-from", "m", "--cca", "off"), 1)[0].seed == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("{", "variant.json is no JSON"),
        ("[]", "variant.json holds no variant: write an object of options"),
        ({"batch_size": 4}, "batch_size: all variants have this in common: give it on the command line"),
        ({"steps": 4, "seed": 1}, "seed, steps: all variants have this in common"),
        ({"learningrate": 1}, "no option learningrate: there are accumulate, cca, "),
        ({"model": 3}, '"model" takes an object of fields of ModelConfig'),
    ],
)
def test_files_that_are_no_variants_are_refused(write, values, message):
    with pytest.raises(ValueError, match=message):
        read_variant(write(values))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cca": "on"}, r"variant variant: argument --cca: invalid choice: 'on'"),
        ({"learning_rate": "fast"}, "variant variant: argument --learning-rate: invalid float value: 'fast'"),
        ({"learning_rate": -1}, "variant variant: --learning-rate must be above 0"),
        ({"preset": "large"}, "variant variant: no preset 'large'"),
        ({"model": {"channels": 3}}, "variant variant: unknown configuration keys channels"),
    ],
)
def test_options_that_cannot_be_name_their_variant(write, values, message):
    with pytest.raises(ValueError, match=message):
        read_variant(write(values)).run(common(), 0)


def test_names_tell_variants_apart(write, tmp_path):
    (tmp_path / "other").mkdir()
    same = tmp_path / "other" / "variant.json"
    same.write_text("{}")
    with pytest.raises(ValueError, match="two variants are called variant"):
        read_variants([write({}), same])
