import dataclasses
import json

import jax
import numpy as np
import pytest

from train import checkpoint
from train.__main__ import main
from train.loop import RunConfig, first_state, run

pytestmark = pytest.mark.usefixtures("quick_compilation")

PHOTOS = [np.random.default_rng(tag).integers(0, 256, (70 + tag, 80, 3), dtype=np.uint8) for tag in range(3)]


class PowerCutError(Exception):
    pass


@pytest.fixture(scope="module")
def config(micro):
    """Four steps, a validation and a checkpoint after the second and the fourth."""
    return RunConfig(
        model=micro,
        steps=4,
        batch_size=2,
        patch_size=64,
        switch_fraction=0.5,
        learning_rate=1e-2,
        warmup_steps=1,
        cca="off",
        report_every=1,
        save_every=2,
    )


@pytest.fixture(scope="module")
def uninterrupted(config, tmp_path_factory):
    """Folder, last state and told lines of a run from the start to the end."""
    folder, told = tmp_path_factory.mktemp("runs") / "whole", []
    state = run(config, PHOTOS[:2], PHOTOS[2:], folder, False, told.append)
    return folder, state, told


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_every_report_is_a_line_of_json_and_a_line_for_people(uninterrupted):
    folder, _, told = uninterrupted
    reports = lines(folder)
    kinds = [("train", 1), ("train", 2), ("validation", 2), ("train", 3), ("train", 4), ("validation", 4)]
    assert [(line["kind"], line["step"]) for line in reports] == kinds
    assert [text.split("  ")[0] for text in told] == [f"{kind} {step}/4" for kind, step in kinds]
    for line in reports:
        assert {"loss", "distortion", "mse", "rate_y", "rate_z", "seconds"} <= line.keys()
        assert all(np.isfinite(value) for value in line.values() if isinstance(value, float))
        if line["kind"] == "train":
            assert line["grad_norm"] > 0
            assert line["quantile_loss"] > 0


def test_the_rate_weight_switches_in_mid_run(uninterrupted, config):
    for line in lines(uninterrupted[0]):
        if line["kind"] == "train":
            weight = config.first_rate_weight if line["step"] <= 2 else config.rate_weight
            expected = line["distortion"] + weight * (line["rate_y"] + line["rate_z"])
            np.testing.assert_allclose(line["loss"], expected, rtol=1e-5)


def test_the_configuration_lies_beside_the_checkpoint(uninterrupted, config):
    folder = uninterrupted[0]
    assert json.loads((folder / "config.json").read_text()) == json.loads(json.dumps(dataclasses.asdict(config)))
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint.safetensors", "config.json", "metrics.jsonl"]


def test_the_moving_average_follows_the_parameters(uninterrupted, config):
    state, start = uninterrupted[1], first_state(config)
    distance = lambda a, b: sum(float(np.abs(x - y).sum()) for x, y in zip(*map(jax.tree.leaves, (a, b)), strict=True))  # noqa: E731
    assert 0 < distance(state.ema, state.train.params) < distance(start.ema, state.train.params)


def test_a_resumed_run_is_bitwise_the_uninterrupted_one(uninterrupted, config, tmp_path):
    def cut(line):
        if line.startswith("train 3/4"):  # after the checkpoint of step 2, before that of step 4
            raise PowerCutError

    with pytest.raises(PowerCutError):
        run(config, PHOTOS[:2], PHOTOS[2:], tmp_path, False, cut)
    assert int(checkpoint.restore(tmp_path, first_state(config)).train.step) == 2
    resumed = run(config, PHOTOS[:2], PHOTOS[2:], tmp_path, True, lambda line: None)
    jax.tree.map(np.testing.assert_array_equal, resumed, uninterrupted[1])
    jax.tree.map(np.testing.assert_array_equal, checkpoint.restore(tmp_path, first_state(config)), resumed)
    ours, theirs = ([{**line, "seconds": 0} for line in lines(folder)[-3:]] for folder in (tmp_path, uninterrupted[0]))
    assert ours == theirs


def test_resuming_without_a_checkpoint_is_refused(config, tmp_path):
    with pytest.raises(ValueError, match=r"no checkpoint in .*leave --resume out"):
        run(config, PHOTOS[:2], PHOTOS[2:], tmp_path, True, lambda line: None)


def test_resuming_another_configuration_is_refused(uninterrupted, config):
    wider = dataclasses.replace(config, model=dataclasses.replace(config.model, head_channels=(8, 4)))
    with pytest.raises(ValueError, match="of another configuration than this run"):
        run(wider, PHOTOS[:2], PHOTOS[2:], uninterrupted[0], True, lambda line: None)
    assert json.loads((uninterrupted[0] / "config.json").read_text())["model"]["head_channels"] == [4, 4]


def test_resuming_with_other_options_is_refused(uninterrupted, config):
    other = dataclasses.replace(config, seed=1, learning_rate=1e-3)
    with pytest.raises(ValueError, match=r"was started with other options: learning_rate was 0.01, seed was 0;"):
        run(other, PHOTOS[:2], PHOTOS[2:], uninterrupted[0], True, lambda line: None)


def test_a_finished_run_is_not_overwritten(uninterrupted, config):
    before = (uninterrupted[0] / "metrics.jsonl").read_bytes()
    with pytest.raises(ValueError, match="already holds a run: continue it with --resume"):
        run(config, PHOTOS[:2], PHOTOS[2:], uninterrupted[0], False, lambda line: None)
    assert (uninterrupted[0] / "metrics.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 0}, "steps must be at least 1"),
        ({"save_every": 0}, "save_every must be at least 1"),
        ({"patch_size": 96}, "patch_size must be a multiple of 64"),
        ({"patch_size": 0}, "patch_size must be a multiple of 64"),
        ({"rate_weight": 0.0}, "must be above 0"),
        ({"learning_rate": float("nan")}, "must be above 0"),
    ],
)
def test_impossible_options_are_refused(config, values, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(config, **values)


def test_the_command_says_in_one_line_what_is_wrong(tmp_path, capsys):
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "run"), "--steps", "1"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("train: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()
