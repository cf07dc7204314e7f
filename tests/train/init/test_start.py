"""Where a run's first parameters come from."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from cca_jax.bundles.bundle import Bundle, save_bundle
from cca_jax.convert.names import torch_from_params
from cca_jax.model.parameters.initialize import initial_params
from cca_jax.model.parameters.shapes import flatten
from train.checkpoints.checkpoints import Checkpoints
from train.checkpoints.saved_run import CONFIG, read_config, read_run
from train.init.start import starting_params
from train.step.mesh import replicate
from train.step.state import initial_state


def same(actual, expected):
    actual, expected = flatten(actual), flatten(expected)
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(actual[name], value, err_msg=name)


def without_auxiliary(params):
    return {name: value for name, value in params.items() if name != "auxiliary"}


def test_a_fresh_draw_is_the_seeds(train_config):
    same(starting_params(train_config, None, print), initial_params(train_config.model, train_config.seed))
    off = dataclasses.replace(train_config, cca="off", seed=1)
    same(starting_params(off, None, print), initial_params(off.model, 1, auxiliary=False))


def test_a_model_gives_all_but_the_auxiliary_model(train_config, micro_params, tmp_path):
    bundle = Bundle.build("m", "", train_config.model, jax.device_get(micro_params))
    save_bundle(bundle, tmp_path / "m", "card")
    messages = []
    actual = starting_params(train_config, str(tmp_path / "m"), messages.append)
    same(without_auxiliary(actual), without_auxiliary(micro_params))
    drawn = initial_params(train_config.model, train_config.seed)["auxiliary"]
    same(actual["auxiliary"]["prior"], drawn["prior"])
    same(actual["auxiliary"]["slices"]["predictors_0"], micro_params["slices"]["predictors_0"])
    assert messages == [f"starting from {tmp_path / 'm'}; its auxiliary model begins as its main model"]
    off = dataclasses.replace(train_config, cca="off")
    same(starting_params(off, str(tmp_path / "m"), messages.append), without_auxiliary(micro_params))
    assert messages[1] == f"starting from {tmp_path / 'm'}"
    laplacian = dataclasses.replace(off, model=dataclasses.replace(off.model, latent_density="laplacian"))
    same(starting_params(laplacian, str(tmp_path / "m"), messages.append), without_auxiliary(micro_params))
    assert messages[3] == "its latents are gaussian, this run's laplacian: its scales have to learn that"


def test_other_rate_weights_are_told(train_config, micro_lite, micro_lite_params, tmp_path):
    save_bundle(Bundle.build("m", "", micro_lite, jax.device_get(micro_lite_params)), tmp_path / "m", "card")
    doubled = tuple(2 * weight for weight in micro_lite.rate_weights)
    messages = []
    for weights in (micro_lite.rate_weights, doubled):
        model = dataclasses.replace(micro_lite, rate_weights=weights)
        starting_params(dataclasses.replace(train_config, model=model, cca="off"), str(tmp_path / "m"), messages.append)
    start = f"starting from {tmp_path / 'm'}"
    assert messages == [start, start, "extended: rate weights 8, 2, 0.5 to 16, 4, 1"]


def test_a_model_of_other_parts_is_no_beginning(train_config, micro, micro_params, tmp_path):
    save_bundle(Bundle.build("m", "", micro, jax.device_get(micro_params)), tmp_path / "m", "card")
    config = dataclasses.replace(train_config, model=dataclasses.replace(micro, transforms="gdn"))
    with pytest.raises(ValueError, match="has the transforms 'naf', this run 'gdn': they must be the same"):
        starting_params(config, str(tmp_path / "m"), print)


@pytest.mark.parametrize("best", [None, 1])
def test_a_run_gives_its_best_checkpoint_or_else_its_newest(train_config, micro_params, one_device, tmp_path, best):
    (tmp_path / CONFIG).write_text(json.dumps(train_config.to_dict()))
    params = {step: jax.tree.map(lambda v, s=step: v + s, jax.device_get(micro_params)) for step in (1, 2)}
    with Checkpoints(tmp_path, keep=2) as checkpoints:
        for step in (1, 2):
            state = initial_state(params[step], average=True)
            checkpoints.save(step, replicate(state, one_device), {"best": None}, best=step == best)
    same(starting_params(train_config, str(tmp_path), print), params[best or 2])
    config, state, metadata = read_run(tmp_path)
    assert config == train_config
    same(state.params, params[2])
    assert metadata == {"best": None}


def test_a_pytorch_checkpoint_brings_its_auxiliary_model(train_config, micro_params, tmp_path):
    torch = pytest.importorskip("torch")
    arrays = torch_from_params(jax.device_get(micro_params), train_config.model)
    torch.save({"state_dict": {k: torch.tensor(v) for k, v in arrays.items()}}, tmp_path / "c.pth.tar")
    same(starting_params(train_config, str(tmp_path / "c.pth.tar"), print), micro_params)


def test_other_sizes_are_refused(train_config, micro_params, tmp_path):
    save_bundle(Bundle.build("m", "", train_config.model, jax.device_get(micro_params)), tmp_path / "m", "card")
    wider = dataclasses.replace(train_config.model, head_channels=(6, 4))
    with pytest.raises(ValueError, match=r"--init-from .*m is of other sizes than this run \(.*head/first.*--preset"):
        starting_params(dataclasses.replace(train_config, model=wider), str(tmp_path / "m"), print)


def test_what_is_no_run_is_refused(train_config, tmp_path):
    with pytest.raises(ValueError, match=r"holds no run: there is no config\.json in it"):
        read_config(tmp_path)
    for text in ("{", "[]", "{}", json.dumps({**train_config.to_dict(), "model": {"depth": 3}})):
        (tmp_path / CONFIG).write_text(text)
        with pytest.raises(ValueError, match="is not the configuration of a run"):
            read_config(tmp_path)
    (tmp_path / CONFIG).write_text(json.dumps(train_config.to_dict()))
    with pytest.raises(ValueError, match="no checkpoint in"):
        read_run(tmp_path)
