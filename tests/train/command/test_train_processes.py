"""`python -m train` on several devices and in several processes: the run of one device, to rounding."""

import signal
import socket

import numpy as np
import pytest
from train_command import arguments, finish, lines, losses, start

from train.checkpoints.saved_run import read_run


def assert_same_trajectory(run, reference):
    """Equal to rounding: other devices add the same numbers in another order."""
    np.testing.assert_allclose(losses(run), losses(reference), rtol=2e-4)
    np.testing.assert_allclose(losses(run, "grad_norm"), losses(reference, "grad_norm"), rtol=2e-2)
    ours, theirs = ([line["loss"] for line in lines(r) if line["kind"] == "validation"] for r in (run, reference))
    np.testing.assert_allclose(ours, theirs, rtol=2e-4)


@pytest.mark.slow
def test_two_devices_that_hold_the_photos_are_one(run_folder):
    flags = ["--photos-on-device", "--steps-per-call", "2"]
    finish(start(arguments(run_folder, run_folder / "held", *flags)))
    for name, more in (("held_by_two", []), ("held_and_divided", ["--shard-state"])):
        finish(start(arguments(run_folder, run_folder / name, *flags, *more), devices=2))
        assert_same_trajectory(run_folder / name, run_folder / "held")


@pytest.mark.slow
def test_four_devices_are_one(whole_run, run_folder):
    out = run_folder / "four"
    finish(start(arguments(run_folder, out), devices=4))
    assert_same_trajectory(out, whole_run[0])


@pytest.mark.slow
def test_two_devices_and_two_parts_are_one_where_each_image_has_its_rate(run_folder):
    flags = ["--preset", str(run_folder / "micro_lite.json"), "--cca", "stopped"]
    finish(start(arguments(run_folder, run_folder / "rates", *flags)))
    finish(start(arguments(run_folder, run_folder / "parts", *flags, "--accumulate", "2"), devices=2))
    assert_same_trajectory(run_folder / "parts", run_folder / "rates")


def start_two(run_folder, out, *flags):
    """Both processes of a run."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    joined = ["--coordinator", address, "--num-processes", "2", "--process-id"]
    return [start(arguments(run_folder, out, *flags, *joined, str(number))) for number in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["--shard-state"]])
def test_two_processes_are_one(whole_run, run_folder, flags):
    out = run_folder / f"two{len(flags)}"
    for process in start_two(run_folder, out, *flags):
        finish(process)
    assert_same_trajectory(out, whole_run[0])


@pytest.mark.slow
def test_two_processes_end_after_the_same_step_when_one_is_asked_to(run_folder):
    out = run_folder / "asked"
    flags = ["--steps", "4000", "--drop-at", "3000", "--validate-every", "4000", "--save-every", "4000"]
    first, second = start_two(run_folder, out, *flags)
    while not first.stdout.readline().startswith("step 2/"):
        assert first.poll() is None
    second.send_signal(signal.SIGTERM)
    for process in (second, first):
        told, _ = finish(process, status=143)
        assert "stopped by a signal; everything is saved" in told
    _, state, _ = read_run(out)
    assert 2 < int(state.step) < 4000
    assert int(state.step) == lines(out)[-1]["step"]
