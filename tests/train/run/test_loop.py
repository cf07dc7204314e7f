"""Whole runs in this process: what they leave behind, how they resume, what ends them."""

import dataclasses
import json
import re
import shutil
import signal

import jax
import numpy as np
import pytest

from cca_jax.model.parameters.shapes import flatten, unflatten
from train.checkpoints.saved_run import read_config, read_run
from train.init.start import starting_params
from train.recipe.durations import Duration
from train.run.interrupts import Interrupts
from train.run.loop import run

pytestmark = pytest.mark.usefixtures("quick_compilation")


class PowerCutError(Exception):
    pass


@pytest.fixture(scope="module")
def uninterrupted(train_config, memory_data, one_device, tmp_path_factory):
    """Folder, last state and told lines of a run from the start to the end."""
    folder, messages = tmp_path_factory.mktemp("runs") / "whole", []
    return folder, run(train_config, memory_data, folder, mesh=one_device, tell=messages.append), messages


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def untimed(line):
    if line["kind"] == "goodput":
        return {name: line[name] for name in ("kind", "step")}
    return {name: value for name, value in line.items() if "second" not in name and name != "data_wait"}


def test_the_shares_of_the_wall_time_add_up(uninterrupted):
    (line,) = (line for line in lines(uninterrupted[0]) if line["kind"] == "goodput")
    shares = {name: value for name, value in line.items() if name not in ("kind", "step", "seconds")}
    assert set(shares) == {"steps", "compilation", "data", "validation", "checkpoints", "start"}
    assert sum(shares.values()) == pytest.approx(1)
    assert all(0 <= share <= 1 for share in shares.values())
    assert min(shares["checkpoints"], shares["validation"], shares["compilation"]) > 0


def test_every_report_is_a_line_of_json_and_a_line_for_people(uninterrupted):
    folder, _, messages = uninterrupted
    kinds = [("train", 1), ("train", 2), ("validation", 2), ("train", 3), ("train", 4), ("validation", 4)]
    assert [(line["kind"], line["step"]) for line in lines(folder)] == [*kinds, ("goodput", 4)]
    words = {"train": "step", "validation": "validation"}
    starts = [f"{words[kind]} {step}" for kind, step in kinds]
    compiling, compiled, *spoken, goodput = (text for text in messages if not text.startswith("warning"))
    assert compiling.startswith("compiling the training step")
    assert re.fullmatch(r"compiled in \d+ s", compiled)
    assert re.match(r"time 0:0\d:\d\d: \w+ \d+\.\d%, ", goodput)
    assert [text[: len(start)] for text, start in zip(spoken, starts, strict=True)] == starts
    for line in lines(folder):
        assert all(np.isfinite(value) for value in line.values() if isinstance(value, float))
        if line["kind"] == "train":
            assert line["crops_per_second"] > 0
            assert line["skipped"] == 0
            assert 0 <= line["data_wait"] <= 1
            assert "share_of_peak" not in line  # nobody knows a CPU's
        elif line["kind"] == "validation":
            np.testing.assert_allclose(line["rate"], line["rate_z"] + sum(line["rate_slices"]), rtol=1e-5)


def test_rate_weight_and_learning_rate_change_in_mid_run(uninterrupted):
    """The reference form's loss, taken apart."""
    for line in lines(uninterrupted[0]):
        if line["kind"] == "train":
            weight = 1.0 if line["step"] <= 2 else 1000.0
            rates = weight * (line["rate_y"] + line["rate_z"])
            np.testing.assert_allclose(
                line["loss"], line["distortion"] + rates + line["cca"] + line["factorized"], rtol=1e-4
            )


def test_what_a_run_leaves_behind(uninterrupted, train_config):
    folder = uninterrupted[0]
    assert read_config(folder) == train_config
    names = {path.name.split(".")[0] for path in folder.iterdir()}
    assert names == {"best", "checkpoints", "config", "events", "metrics"}
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["2", "4"]


def test_the_best_is_forgotten_when_the_objective_changes(uninterrupted):
    """λ rises a thousandfold after step 2: step 4 is the best of its objective, whatever the loss was before."""
    _, _, metadata = read_run(uninterrupted[0], best=True)
    assert metadata["best"]["objective"] == "mse, rate weight 1000"
    assert metadata["best"]["step"] == 4
    first, second = (line for line in lines(uninterrupted[0]) if line["kind"] == "validation")
    assert second["loss"] > first["loss"]
    assert first["best"]
    assert second["best"]


def test_a_cut_run_resumes_to_bitwise_the_same_end(uninterrupted, train_config, memory_data, one_device, tmp_path):
    def cut(line):
        if line.startswith("step 3/4"):  # after the checkpoint of step 2, before that of step 4
            raise PowerCutError

    with pytest.raises(PowerCutError):
        run(train_config, memory_data, tmp_path, mesh=one_device, tell=cut)
    messages = []
    resumed = run(train_config, memory_data, tmp_path, mesh=one_device, tell=messages.append, resume=True)
    assert messages[0] == f"continuing {tmp_path} from step 2"
    jax.tree.map(np.testing.assert_array_equal, resumed, uninterrupted[1])
    assert [untimed(line) for line in lines(tmp_path)] == [untimed(line) for line in lines(uninterrupted[0])]
    _, saved, metadata = read_run(tmp_path)
    jax.tree.map(np.testing.assert_array_equal, saved, resumed)
    assert metadata["photos"] == memory_data.fingerprint


def test_a_run_whose_newest_checkpoint_is_damaged_goes_on_from_the_one_before(
    uninterrupted, train_config, memory_data, one_device, tmp_path
):
    folder = tmp_path / "run"
    shutil.copytree(uninterrupted[0], folder)
    (folder / "checkpoints" / "4" / "_CHECKPOINT_METADATA").unlink()
    shutil.rmtree(folder / "best" / "4" / "state")
    messages = []
    resumed = run(train_config, memory_data, folder, mesh=one_device, tell=messages.append, resume=True)
    warnings = [line for line in messages if line.startswith("warning: ") and "is not whole" in line]
    assert [line.split(" is not")[0] for line in warnings] == ["warning: checkpoint 4", "warning: best checkpoint 4"]
    assert f"continuing {folder} from step 2" in messages
    jax.tree.map(np.testing.assert_array_equal, resumed, uninterrupted[1])
    for best in (False, True):
        jax.tree.map(np.testing.assert_array_equal, read_run(folder, best)[1], resumed)
    assert [untimed(line) for line in lines(folder)] == [untimed(line) for line in lines(uninterrupted[0])]


def test_a_run_cut_before_its_first_checkpoint_remembers_what_it_began_with(
    uninterrupted, train_config, memory_data, one_device, tmp_path
):
    def cut(line):
        if line.startswith("step 1/4"):
            raise PowerCutError

    options = {"mesh": one_device, "init_from": str(uninterrupted[0])}
    with pytest.raises(PowerCutError):
        run(train_config, memory_data, tmp_path, tell=cut, **options)
    _, state, _ = read_run(tmp_path)
    assert int(state.step) == 0
    jax.tree.map(np.testing.assert_array_equal, state.params, uninterrupted[1].best_params)


def test_other_photos_are_noticed(uninterrupted, train_config, memory_data, one_device, tmp_path):
    folder = shutil.copytree(uninterrupted[0], tmp_path / "copy")
    others = type(memory_data)()
    others.fingerprint = "others"
    messages = []
    run(train_config, others, folder, mesh=one_device, tell=messages.append, resume=True)
    assert "these are not the photos that the run has seen so far" in messages[1]


def test_a_finished_run_resumed_is_left_as_it_is(uninterrupted, train_config, memory_data, one_device):
    folder, state, _ = uninterrupted
    before = (folder / "metrics.jsonl").read_bytes()
    again = run(train_config, memory_data, folder, mesh=one_device, tell=lambda line: None, resume=True)
    jax.tree.map(np.testing.assert_array_equal, again, state)
    assert (folder / "metrics.jsonl").read_bytes() == before


def test_a_signal_saves_and_ends(uninterrupted, train_config, memory_data, one_device, tmp_path):
    interrupts = Interrupts()

    def interrupt(line):
        if line.startswith("step 1/4"):
            interrupts._receive(signal.SIGTERM, None)

    handler = signal.getsignal(signal.SIGTERM)
    try:
        stopped = run(train_config, memory_data, tmp_path, mesh=one_device, tell=interrupt, interrupts=interrupts)
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert int(stopped.step) == 1
    assert interrupts.exit_status == 143
    resumed = run(train_config, memory_data, tmp_path, mesh=one_device, tell=lambda line: None, resume=True)
    jax.tree.map(np.testing.assert_array_equal, resumed, uninterrupted[1])


def test_resuming_what_never_began_begins(train_config, memory_data, one_device, tmp_path):
    config = dataclasses.replace(train_config, duration=Duration(1), log_every=5)
    state = run(config, memory_data, tmp_path / "new", mesh=one_device, tell=lambda line: None, resume=True)
    assert int(state.step) == 1


def test_how_a_run_is_compiled_may_change(uninterrupted, train_config, memory_data, one_device):
    folder, ended = uninterrupted[:2]
    other = dataclasses.replace(train_config, kernel_memory=12)
    resumed = run(other, memory_data, folder, mesh=one_device, tell=lambda line: None, resume=True)
    jax.tree.map(np.testing.assert_array_equal, resumed, ended)  # a CPU compiles it as before


def test_resuming_with_other_options_is_refused(uninterrupted, train_config, memory_data, one_device):
    other = dataclasses.replace(train_config, seed=1, learning_rate=1e-3, keep=9, duration=Duration(9))
    with pytest.raises(ValueError, match=r"was started with other options: learning_rate was 0.01, seed was 0;"):
        run(other, memory_data, uninterrupted[0], mesh=one_device, tell=lambda line: None, resume=True)


def test_a_run_is_not_overwritten(uninterrupted, train_config, memory_data, one_device):
    with pytest.raises(ValueError, match="already holds a run: continue it with --resume"):
        run(train_config, memory_data, uninterrupted[0], mesh=one_device, tell=lambda line: None)


def test_a_run_that_only_skips_says_so_and_ends(train_config, memory_data, one_device, tmp_path, monkeypatch):
    def broken(config, source, tell):
        params = flatten(starting_params(config, source, tell))
        params["analysis/down_0/bias"] = np.full_like(params["analysis/down_0/bias"], np.nan)
        return unflatten(params)

    monkeypatch.setattr("train.run.loop.starting_params", broken)
    config = dataclasses.replace(train_config, nonfinite_limit=2, validate_every=Duration(100))
    with pytest.raises(ValueError, match="were not finite for 2 steps in a row, which were skipped"):
        run(config, memory_data, tmp_path, mesh=one_device, tell=lambda line: None)
    assert [line["skipped"] for line in lines(tmp_path)][:2] == [1, 2]


def test_the_moving_average_is_what_counts(uninterrupted, train_config):
    state = uninterrupted[1]
    start = starting_params(train_config, None, print)

    def distance(a, b):
        return sum(float(np.abs(x - y).sum()) for x, y in zip(*map(jax.tree.leaves, (a, b)), strict=True))

    assert 0 < distance(state.best_params, state.params) < distance(start, state.params)
