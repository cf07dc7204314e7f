"""Runs whose state lies divided among devices: they are the runs of one device, and tell each other what they must."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).parent / "on_eight_devices.py"


def on_eight_devices(folder, mode):
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=8", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(SCRIPT), str(folder), mode]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, timeout=1500)
    return json.loads(done.stdout.splitlines()[-1])


def assert_same_trajectory(run, reference):
    """Equal to rounding: other devices add the same numbers in another order."""
    for name in ("loss", "validation"):
        np.testing.assert_allclose(run[name], reference[name], rtol=1e-5)
    np.testing.assert_allclose(run["grad_norm"], reference["grad_norm"], rtol=1e-3)


def assert_exchanges_of_a_sharded_state(plan):
    """Parameters gathered once, gradients scattered once; sums of what stays whole, of the objective's terms, the norm.

    The norm is one number. A compiler may send it with the rest.
    """
    gather, *sums, scatter = plan["exchanges"]
    divided, whole = plan["divided"], plan["params"] - plan["divided"]
    assert gather == ["all-gather", divided, 8, 1, 1]
    assert scatter == ["reduce-scatter", divided, 8, 1, 1]
    assert [kind for kind, *_ in sums] == ["all-reduce"] * len(sums)
    assert all(members == [8, 1, 1] for _, _, *members in sums)
    assert len(sums) == 1 or (len(sums) == 2 and min(size for _, size, *_ in sums) == 4)
    assert whole + 4 < sum(size for _, size, *_ in sums) < whole + 100
    assert divided > 0.8 * plan["params"]


def test_a_sharded_step_is_that_of_one_device(tmp_path):
    told = on_eight_devices(tmp_path, "quick")
    whole, sharded = told["whole"], told["sharded"]
    assert_same_trajectory(sharded, whole)
    for name in ("kernel", "average"):
        # Adam's first step is the learning rate's, whatever the gradient: where that is all but 0, rounding decides.
        difference = np.abs(np.subtract(sharded[name], whole[name]))
        assert np.mean(difference > 1e-6) < 0.01
    assert [(one["layout"], one["share"]) for one in (whole, sharded)] == [("vector", 1), ("arrays", 8)]
    assert whole["exchanges"] == []
    assert_exchanges_of_a_sharded_state(sharded)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return on_eight_devices(tmp_path_factory.mktemp("sharded"), "whole")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("sharded", 8),
        ("slices", 4),
        ("parts", 4),
        ("four sharded, then one", 1),
        ("one, then eight sharded", 8),
        ("four sharded, then eight", 8),
        ("eight, then two slices sharded", 4),
    ],
)
def test_devices_setting_and_parts_change_nothing_but_rounding(told, name, share):
    assert_same_trajectory(told[name], told["whole"])
    assert told[name]["share"] == share


@pytest.mark.slow
def test_an_optimizer_that_knows_arrays_knows_them_whole(told):
    """LAMB scales each parameter's step by its norm, of which a device has a part."""
    assert_same_trajectory(told["lamb, sharded"], told["lamb"])
    assert told["lamb"]["layout"] == "arrays"
    assert abs(told["lamb"]["loss"][-1] / told["whole"]["loss"][-1] - 1) > 1e-4


@pytest.mark.slow
def test_a_plan_has_the_exchanges_it_must_have_and_no_others(told):
    assert_exchanges_of_a_sharded_state(told["plan"])
    across = [one for one in told["plan of slices"]["exchanges"] if one[3] == 2]
    assert [one[:1] + one[2:] for one in across] == [["all-reduce", 2, 2, 1]]
    quarter = told["plan of slices"]["params"] / 4
    assert quarter < across[0][1] < 1.01 * quarter + 100
