import dataclasses

import jax
import jax.numpy as jnp
import pytest

import train.run.timing.utilization as utilization
from train.plan.accelerators.chips import CHIPS
from train.run.timing.data_wait import DataWait
from train.run.timing.goodput import DATA, Goodput
from train.run.timing.pace import Pace
from train.run.timing.utilization import Utilization


@jax.jit
def two_steps(a, b):
    return a @ b @ b


ARGUMENTS = (jnp.ones((64, 32)), jnp.ones((32, 32)))


def test_of_an_unknown_chip_nothing_is_said(one_device):
    unknown = Utilization(one_device)
    unknown.count(two_steps, ARGUMENTS, 2)
    assert unknown.chip is None
    assert unknown.values(0.1) == {}


def test_operations_a_second_beside_the_peak(one_device, monkeypatch):
    chip = dataclasses.replace(CHIPS["v5e"], peak=2.0 * 64 * 32 * 32 * 1000)
    monkeypatch.setattr(utilization, "chip_of", lambda kind: chip)
    known = Utilization(one_device)
    assert known.values(0.1) == {}  # before anything was counted
    known.count(two_steps, ARGUMENTS, 2)
    values = known.values(0.01)  # a hundred steps a second
    assert values["share_of_peak"] == pytest.approx(0.1)
    assert values["tflops_per_second"] == pytest.approx(2 * 64 * 32 * 32 * 100 / 1e12)


def test_the_pace_since_the_last_line(one_device, monkeypatch):
    now = [100.0]
    goodput = Goodput()
    with DataWait(goodput) as waits:
        monkeypatch.setattr("train.run.timing.pace.time.monotonic", lambda: now[0])
        pace = Pace(10, waits, Utilization(one_device))
        now[0], goodput.seconds[DATA] = 108.0, 2.0
        assert pace.values(14) == {"seconds_per_step": 2.0, "data_wait": 0.25}
        pace.restart(14)
        now[0] = 109.0
        assert pace.values(15) == {"seconds_per_step": 1.0, "data_wait": 0.0}
