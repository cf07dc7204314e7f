"""Runs whose photos the device holds: as others, they resume, stop in time and refuse what cannot be."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from cca_jax.image_io.images import write_image
from train.init.start import read_run
from train.recipe.durations import Duration
from train.run.interrupts import Interrupts
from train.run.loop import run
from train.run.run_data import open_run_data
from train.step.schedules import learning_rate

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def config(train_config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for tag in range(9):
        rows, columns = np.mgrid[:80, : 70 + tag]
        waves = [128 + 100 * np.sin(rows / (5 + c + tag) + columns / (9 + 2 * c)) for c in range(3)]
        write_image(folder / f"{tag}.png", np.stack(waves, axis=-1).astype(np.uint8))
    return dataclasses.replace(
        train_config, data=str(folder), photos_on_device=True, crop_weight="area", steps_per_call=2,
        validation_photos=1,
        duration=Duration(7), drop_at=Duration(0), learning_rate_decay="fall", fall=Duration(3), log_every=1,
        validate_every=Duration(6), save_every=Duration(3),
    )  # fmt: skip


def go(config, out, mesh, tell=lambda line: None, **options):
    with open_run_data(config, 0, None, tell) as data:
        return run(config, data, out, mesh=mesh, tell=tell, **options)


def lines(folder, kind="train"):
    return [
        line for line in map(json.loads, (folder / "metrics.jsonl").read_text().splitlines()) if line["kind"] == kind
    ]


@pytest.fixture(scope="module")
def whole(config, one_device, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "whole"
    return out, go(config, out, one_device)


def test_what_comes_every_so_many_steps_comes_at_the_end_of_the_call(whole):
    out, state = whole
    assert int(state.step) == 7
    assert [line["step"] for line in lines(out)] == [2, 4, 6, 7]
    assert [line["step"] for line in lines(out, "validation")] == [6, 7]
    assert {path.name for path in (out / "checkpoints").iterdir()} == {"6", "7"}  # of 4, 6 and 7 the last two


def test_a_run_that_ran_out_of_time_resumes_to_bitwise_the_same_end(whole, config, one_device, tmp_path):
    interrupts = Interrupts(time_limit=1e-3)
    stopped = go(config, tmp_path / "run", one_device, interrupts=interrupts)
    assert int(stopped.step) == 2
    assert (interrupts.late, interrupts.exit_status) == (True, 124)
    resumed = go(config, tmp_path / "run", one_device, resume=True)
    jax.tree.map(np.testing.assert_array_equal, resumed, whole[1])
    losses = [[line["loss"] for line in lines(out)] for out in (tmp_path / "run", whole[0])]
    assert losses[0] == losses[1]


def test_a_run_that_is_done_was_not_late(config, one_device, tmp_path):
    interrupts = Interrupts(time_limit=1e-3)
    go(dataclasses.replace(config, duration=Duration(2)), tmp_path / "run", one_device, interrupts=interrupts)
    assert interrupts.exit_status == 0


def test_length_and_fall_and_the_calls_may_change(whole, config, one_device, tmp_path):
    out = tmp_path / "run"
    go(dataclasses.replace(config, duration=Duration(3), fall=Duration(1), steps_per_call=1), out, one_device)
    other = dataclasses.replace(config, steps_per_call=4, photo_memory=64)
    state = go(other, out, one_device, resume=True)
    assert [line["step"] for line in lines(out)] == [1, 2, 3, 4, 7]  # calls end at multiples
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0.1, atol=2e-2), state.params, whole[1].params)
    assert int(read_run(out)[1].step) == 7


def test_photos_that_do_not_fit_are_refused(config, one_device, tmp_path):
    with pytest.raises(ValueError, match="more than the 1 of --photo-memory: give a larger --photo-memory, or leave"):
        go(dataclasses.replace(config, photo_memory=1, patch_size=256), tmp_path / "run", one_device)


def test_a_fall_is_constant_until_it_begins(config, with_fields):
    falling = with_fields(config, duration=Duration(100), fall=Duration(40), warmup=Duration(20))
    schedule = learning_rate(falling, 1)
    rates = np.array([float(schedule(step)) for step in (0, 10, 20, 60, 80, 100)]) / config.learning_rate
    np.testing.assert_allclose(rates, [0, 0.5, 1, 1, 0.01 + 0.99 / 2, 0.01], rtol=1e-5)
    whole_run = learning_rate(with_fields(falling, fall=Duration(1000)), 1)
    np.testing.assert_allclose(float(whole_run(100)) / config.learning_rate, 0.01, rtol=1e-5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"photos_on_device": False}, "--crop-weight and --steps-per-call need --photos-on-device"),
        ({"fall": Duration(0)}, "--learning-rate-decay fall needs --fall"),
        ({"steps_per_call": 0}, "--steps-per-call must be at least 1, got 0"),
        ({"photo_memory": 0}, "--photo-memory must be at least 1, got 0"),
        ({"crop_weight": "size"}, "--crop-weight must be one of photo, area"),
    ],
)
def test_options_that_cannot_be_are_refused(config, values, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(config, **values)
