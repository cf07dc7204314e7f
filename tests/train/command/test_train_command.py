"""`python -m train` as a user runs it: real files, real processes, real signals."""

import json
import re
import signal

import jax
import numpy as np
import pytest
from train_command import arguments, finish, lines, losses, start

from cca_jax.bundles.bundle import load_bundle
from train.checkpoints.saved_run import read_run
from train.export import main as export


def test_what_a_run_tells(whole_run):
    run, messages = whole_run
    assert "8 photos for training, 1 held out for validation" in messages
    step = re.compile(
        r"step 6/6  \S+ steps/s  \S+ crops/s  (\d+% waiting for photos  )?0:00:00 left  "
        r"loss \S+  \S+ dB  y \S+  z \S+ bpp  aux .* bpp"
    )
    assert step.search(messages)
    assert re.search(r"validation 6  loss \S+ \(best\)  \S+ dB  \S+ bpp: z \S+, slices (\S+ ?){3}", messages)
    assert [line["kind"] for line in lines(run)].count("goodput") == 1
    assert len(lines(run)) == 9


@pytest.mark.slow
def test_killed_and_resumed_a_run_ends_with_the_same_parameters(whole_run, run_folder):
    out = run_folder / "killed"
    process = start(arguments(run_folder, out))
    while not process.stdout.readline().startswith("step 5/6"):
        assert process.poll() is None
    process.kill()
    process.communicate()
    messages, _ = finish(start(arguments(run_folder, out, "--resume")))
    resumed_from = int(re.search(r"continuing .* from step (\d)", messages)[1])
    assert 2 <= resumed_from < 6
    ours, theirs = (read_run(run)[1] for run in (out, whole_run[0]))
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)
    np.testing.assert_array_equal(losses(out), losses(whole_run[0]))


def test_sigterm_saves_and_ends(whole_run, run_folder):
    out = run_folder / "ended"
    process = start(arguments(run_folder, out))
    while not process.stdout.readline().startswith("step 1/6"):
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    messages, problems = finish(process, status=143)
    assert "everything is saved: continue with --resume" in messages
    assert problems == ""
    _, state, _ = read_run(out)
    assert 1 <= int(state.step) < 6
    finish(start(arguments(run_folder, out, "--resume")))
    jax.tree.map(np.testing.assert_array_equal, read_run(out)[1], read_run(whole_run[0])[1])


def test_a_time_limit_saves_and_ends(run_folder):
    out = run_folder / "late"
    flags = ["--photos-on-device", "--steps-per-call", "2", "--time-limit", "0.001"]
    messages, problems = finish(start(arguments(run_folder, out, *flags)), status=124)
    assert "stopped by --time-limit; everything is saved: continue with --resume" in messages
    assert problems == ""
    assert int(read_run(out)[1].step) == 2


def test_a_dry_run_says_what_would_run_and_writes_nothing(run_folder):
    command = arguments(run_folder, run_folder / "dry", "--dry-run", "--remat", "--accumulate", "2")
    messages, _ = finish(start(command, devices=2))
    config = json.loads(messages[messages.index("{") : messages.rindex("}") + 1])
    assert config["remat"]
    assert re.search(r"length      6 steps, 3 epochs of 2 steps", messages)
    assert re.search(r"parameters  [\d,]+: [\d,]+ of the model, [\d,]+ of the auxiliary model", messages)
    assert re.search(r"mesh        2 × cpu; 2 crops a step on each", messages)
    assert re.search(r"memory      about \d+ MiB a device", messages)
    assert not (run_folder / "dry").exists()


def test_a_run_becomes_a_model(whole_run, run_folder, capsys):
    out = run_folder / "my_model"
    assert export([str(whole_run[0]), str(out), "--dtype", "float32", "--best"]) == 0
    bundle = load_bundle(out)
    assert bundle.identity.hex() in capsys.readouterr().out
    _, state, metadata = read_run(whole_run[0], best=True)
    expected = {name: value for name, value in state.best_params.items() if name != "auxiliary"}
    jax.tree.map(np.testing.assert_array_equal, bundle.params, jax.device_get(expected))
    card = (out / "README.md").read_text()
    assert f"at step {metadata['best']['step']}" in card
    assert "λ = 1.8 (before 3: 0.3)" in card
    assert export([str(whole_run[0]), str(out)]) == 2
    assert "already exists: name a new folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--batch-size", "6", "--accumulate", "4"], "--batch-size 6 is not divisible by --accumulate 4"),
        (["--batch-size", "3", "--accumulate", "3"], "--batch-size 3 in --accumulate 3 parts does not divide among 2"),
        (["--preset", "big"], "no preset 'big'"),
        (["--validation-photos", "9"], "9 of 9 photos cannot be held out"),
        (["--init-from", "nowhere"], "--init-from: no model 'nowhere'"),
        (["--out", "/dev/null/run"], "/dev/null/run"),
        (["--steps-per-call", "2"], "--crop-weight and --steps-per-call need --photos-on-device"),
        (["--time-limit", "0"], "--time-limit must be above 0, got 0"),
        (["--optimizer", "adamm"], "no optimizer 'adamm': choose one of adabelief, "),
        (
            ["--optimizer", "lion", "--optimizer-options", "eps=1"],
            "--optimizer lion has no option 'eps': it has b1, b2",
        ),
    ],
)
def test_bad_input_is_one_line(run_folder, flags, message):
    messages, problems = finish(start(arguments(run_folder, run_folder / "bad", *flags), devices=2), status=2)
    assert message in problems
    assert problems.startswith("cca-jax: ")
    assert problems.count("\n") == 1
    assert "step" not in messages
    assert not (run_folder / "bad").exists()
