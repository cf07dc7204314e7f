"""Runs that finish a model: where they begin, what they may ask for, and that they resume."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
import pytest

from cca_jax.bundles.bundle import Bundle, load_bundle, save_bundle
from cca_jax.model.parameters.picture_only import picture_only
from cca_jax.model.parameters.shapes import flatten
from cca_jax.model.parts import chosen
from cca_jax.model.parts.chosen import entropy_model_of, picture_only_parts
from train.checkpoints.saved_run import read_run
from train.recipe.durations import Duration
from train.recipe.options import config_of, parser
from train.run.interrupts import Interrupts
from train.run.loop import run

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def config(train_config, micro_context):
    return dataclasses.replace(
        train_config, model=micro_context, finish=True, cca="off", rate_proxy="rounded", learning_rate=1e-3
    )


@pytest.fixture(scope="module")
def source(micro_context, micro_context_params, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "m"
    save_bundle(Bundle.build("m", "", micro_context, jax.device_get(micro_context_params), "float32"), folder, "card")
    return str(folder)


@pytest.fixture(scope="module")
def whole(config, source, memory_data, one_device, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "whole"
    return out, run(config, memory_data, out, mesh=one_device, tell=lambda line: None, init_from=source)


def test_a_run_moves_what_decides_pictures_alone(whole, source, config):
    before = flatten(load_bundle(Path(source)).params)
    for best in (False, True):
        _, state, _ = read_run(whole[0], best)
        after = flatten(state.best_params)
        changed = {name for name, value in after.items() if not np.array_equal(value, before[name])}
        assert changed
        assert changed <= picture_only(before, picture_only_parts(config.model))


def test_it_resumes_to_bitwise_the_same_end(whole, config, source, memory_data, one_device, tmp_path):
    arguments = {"mesh": one_device, "tell": lambda line: None, "init_from": source}
    stopped = run(config, memory_data, tmp_path / "run", interrupts=Interrupts(time_limit=1e-3), **arguments)
    assert int(stopped.step) == 1
    resumed = run(config, memory_data, tmp_path / "run", resume=True, **arguments)
    jax.tree.map(np.testing.assert_array_equal, resumed, whole[1])


def test_there_must_be_a_model_to_finish(config, memory_data, one_device, tmp_path):
    with pytest.raises(ValueError, match="--finish needs --init-from"):
        run(config, memory_data, tmp_path / "run", mesh=one_device, tell=print)
    assert not (tmp_path / "run").exists()


def test_a_wrong_declaration_leaves_nothing_behind(config, source, memory_data, one_device, tmp_path, monkeypatch):
    for declared, message in (("slices/refine", "no part of it: slices/refine"), ("rates", "must be names")):
        entropy_model = dataclasses.replace(entropy_model_of(config.model), picture_only=lambda _, d=declared: [d])
        monkeypatch.setattr(chosen, "entropy_model_of", lambda _, model=entropy_model: model)
        with pytest.raises(ValueError, match=message):
            run(config, memory_data, tmp_path / "run", mesh=one_device, tell=print, init_from=source)
        assert not (tmp_path / "run").exists()


def test_what_is_about_rates_is_left_out(config):
    for values in ({"cca": "stopped"}, {"rate_proxy": "noise"}):
        with pytest.raises(ValueError, match="--finish trains nothing of the rates"):
            dataclasses.replace(config, **values)
    arguments = ["--data", "D", "--out", "R", "--preset", "lite", "--steps", "200", "--finish"]
    lite = config_of(parser().parse_args(arguments))
    assert (lite.cca, lite.rate_proxy, lite.hyper_warmup, lite.cca_warmup) == ("off", "rounded", *[Duration(0)] * 2)
    one_rate = config_of(parser().parse_args([*arguments, "--preset", "tiny", "--rate-weight", "5"]))
    assert one_rate.first_rate_weight == one_rate.rate_weight == 5
    with pytest.raises(ValueError, match="takes --cca off"):
        config_of(parser().parse_args([*arguments, "--cca", "stopped"]))
