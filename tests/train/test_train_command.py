"""`python -m train` as a user runs it: real files, real processes, real signals."""

import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from cca_jax.bundles.bundle import load_bundle
from cca_jax.image_io.images import write_image
from train.checkpoints.saved_run import read_run
from train.export import main as export

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, micro, micro_lite):
    """Photos and the micro configurations as files."""
    folder = tmp_path_factory.mktemp("train")
    (folder / "photos").mkdir()
    for tag in range(9):
        rows, columns = np.mgrid[:80, : 70 + tag]
        waves = [128 + 100 * np.sin(rows / (5 + c + tag) + columns / (9 + 2 * c)) for c in range(3)]
        write_image(folder / "photos" / f"{tag}.png", np.stack(waves, axis=-1).astype(np.uint8))
    (folder / "micro.json").write_text(json.dumps(dataclasses.asdict(micro)))
    (folder / "micro_lite.json").write_text(json.dumps(dataclasses.asdict(micro_lite)))
    return folder


def arguments(folder, out, *flags):
    return [
        sys.executable, "-m", "train", "--data", str(folder / "photos"), "--out", str(out),
        "--preset", str(folder / "micro.json"), "--steps", "6", "--drop-at", "3", "--batch-size", "4",
        "--patch-size", "64", "--validation-photos", "1", "--log-every", "1", "--validate-every", "3",
        "--save-every", "2", "--ema-decay", "0.9", "--learning-rate", "1e-3", "--warmup", "0", *flags,
    ]  # fmt: skip


def start(command, devices=1):
    environment = {
        **os.environ,
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(process, status=0):
    try:
        messages, problems = process.communicate(timeout=600)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert process.returncode == status, problems
    return messages, problems


def lines(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def losses(run, name="loss"):
    return np.array([line[name] for line in lines(run) if line["kind"] == "train"])


@pytest.fixture(scope="module")
def whole(folder):
    """An uninterrupted run on one device, and what it told."""
    messages, problems = finish(start(arguments(folder, folder / "whole")))
    assert problems == ""
    return folder / "whole", messages


def assert_same_trajectory(run, reference):
    """Equal to rounding: other devices add the same numbers in another order."""
    np.testing.assert_allclose(losses(run), losses(reference), rtol=2e-4)
    np.testing.assert_allclose(losses(run, "grad_norm"), losses(reference, "grad_norm"), rtol=2e-2)
    ours, theirs = ([line["loss"] for line in lines(r) if line["kind"] == "validation"] for r in (run, reference))
    np.testing.assert_allclose(ours, theirs, rtol=2e-4)


def test_what_a_run_tells(whole):
    run, messages = whole
    assert "8 photos for training, 1 held out for validation" in messages
    step = re.compile(
        r"step 6/6  \S+ steps/s  \S+ crops/s  (\d+% waiting for photos  )?0:00:00 left  "
        r"loss \S+  \S+ dB  y \S+  z \S+ bpp  aux .* bpp"
    )
    assert step.search(messages)
    assert re.search(r"validation 6  loss \S+ \(best\)  \S+ dB  \S+ bpp: z \S+, slices (\S+ ?){3}", messages)
    assert [line["kind"] for line in lines(run)].count("goodput") == 1
    assert len(lines(run)) == 9


def test_killed_and_resumed_a_run_ends_with_the_same_parameters(whole, folder):
    out = folder / "killed"
    process = start(arguments(folder, out))
    while not process.stdout.readline().startswith("step 5/6"):
        assert process.poll() is None
    process.kill()
    process.communicate()
    messages, _ = finish(start(arguments(folder, out, "--resume")))
    resumed_from = int(re.search(r"continuing .* from step (\d)", messages)[1])
    assert 2 <= resumed_from < 6
    ours, theirs = (read_run(run)[1] for run in (out, whole[0]))
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)
    np.testing.assert_array_equal(losses(out), losses(whole[0]))


def test_sigterm_saves_and_ends(whole, folder):
    out = folder / "ended"
    process = start(arguments(folder, out))
    while not process.stdout.readline().startswith("step 1/6"):
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    messages, problems = finish(process, status=143)
    assert "everything is saved: continue with --resume" in messages
    assert problems == ""
    _, state, _ = read_run(out)
    assert 1 <= int(state.step) < 6
    finish(start(arguments(folder, out, "--resume")))
    jax.tree.map(np.testing.assert_array_equal, read_run(out)[1], read_run(whole[0])[1])


def test_a_time_limit_saves_and_ends(folder):
    out = folder / "late"
    flags = ["--photos-on-device", "--steps-per-call", "2", "--time-limit", "0.001"]
    messages, problems = finish(start(arguments(folder, out, *flags)), status=124)
    assert "stopped by --time-limit; everything is saved: continue with --resume" in messages
    assert problems == ""
    assert int(read_run(out)[1].step) == 2


@pytest.mark.slow
def test_two_devices_that_hold_the_photos_are_one(folder):
    flags = ["--photos-on-device", "--steps-per-call", "2"]
    finish(start(arguments(folder, folder / "held", *flags)))
    for name, more in (("held_by_two", []), ("held_and_divided", ["--shard-state"])):
        finish(start(arguments(folder, folder / name, *flags, *more), devices=2))
        assert_same_trajectory(folder / name, folder / "held")


@pytest.mark.slow
def test_four_devices_are_one(whole, folder):
    out = folder / "four"
    finish(start(arguments(folder, out), devices=4))
    assert_same_trajectory(out, whole[0])


@pytest.mark.slow
def test_two_devices_and_two_parts_are_one_where_each_image_has_its_rate(folder):
    flags = ["--preset", str(folder / "micro_lite.json"), "--cca", "stopped"]
    finish(start(arguments(folder, folder / "rates", *flags)))
    finish(start(arguments(folder, folder / "parts", *flags, "--accumulate", "2"), devices=2))
    assert_same_trajectory(folder / "parts", folder / "rates")


def start_two(folder, out, *flags):
    """Both processes of a run."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    joined = ["--coordinator", address, "--num-processes", "2", "--process-id"]
    return [start(arguments(folder, out, *flags, *joined, str(number))) for number in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["--shard-state"]])
def test_two_processes_are_one(whole, folder, flags):
    out = folder / f"two{len(flags)}"
    for process in start_two(folder, out, *flags):
        finish(process)
    assert_same_trajectory(out, whole[0])


@pytest.mark.slow
def test_two_processes_end_after_the_same_step_when_one_is_asked_to(folder):
    out = folder / "asked"
    flags = ["--steps", "4000", "--drop-at", "3000", "--validate-every", "4000", "--save-every", "4000"]
    first, second = start_two(folder, out, *flags)
    while not first.stdout.readline().startswith("step 2/"):
        assert first.poll() is None
    second.send_signal(signal.SIGTERM)
    for process in (second, first):
        told, _ = finish(process, status=143)
        assert "stopped by a signal; everything is saved" in told
    _, state, _ = read_run(out)
    assert 2 < int(state.step) < 4000
    assert int(state.step) == lines(out)[-1]["step"]


def test_a_dry_run_says_what_would_run_and_writes_nothing(folder):
    command = arguments(folder, folder / "dry", "--dry-run", "--remat", "--accumulate", "2")
    messages, _ = finish(start(command, devices=2))
    config = json.loads(messages[messages.index("{") : messages.rindex("}") + 1])
    assert config["remat"]
    assert re.search(r"length      6 steps, 3 epochs of 2 steps", messages)
    assert re.search(r"parameters  [\d,]+: [\d,]+ of the model, [\d,]+ of the auxiliary model", messages)
    assert re.search(r"mesh        2 × cpu; 2 crops a step on each", messages)
    assert re.search(r"memory      about \d+ MiB a device", messages)
    assert not (folder / "dry").exists()


def test_a_run_becomes_a_model(whole, folder, capsys):
    out = folder / "my_model"
    assert export([str(whole[0]), str(out), "--dtype", "float32", "--best"]) == 0
    bundle = load_bundle(out)
    assert bundle.identity.hex() in capsys.readouterr().out
    _, state, metadata = read_run(whole[0], best=True)
    expected = {name: value for name, value in state.best_params.items() if name != "auxiliary"}
    jax.tree.map(np.testing.assert_array_equal, bundle.params, jax.device_get(expected))
    card = (out / "README.md").read_text()
    assert f"at step {metadata['best']['step']}" in card
    assert "λ = 1.8 (before 3: 0.3)" in card
    assert export([str(whole[0]), str(out)]) == 2
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
def test_bad_input_is_one_line(folder, flags, message):
    messages, problems = finish(start(arguments(folder, folder / "bad", *flags), devices=2), status=2)
    assert message in problems
    assert problems.startswith("cca-jax: ")
    assert problems.count("\n") == 1
    assert "step" not in messages
    assert not (folder / "bad").exists()
