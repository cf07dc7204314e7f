import time
from concurrent.futures import Future

import jax
import jax.numpy as jnp
import pytest

from train.run.timing.data_wait import DataWait
from train.run.timing.goodput import CHECKPOINTS, COMPILATION, DATA, VALIDATION, Goodput


def test_activities_are_counted_once_and_the_rest_is_steps():
    goodput = Goodput()
    goodput.started()
    with goodput.spent(VALIDATION):
        time.sleep(0.04)
        with goodput.spent(CHECKPOINTS):
            time.sleep(0.08)
    time.sleep(0.04)
    assert goodput.seconds[VALIDATION] >= 0.04
    assert goodput.seconds[CHECKPOINTS] >= 0.08
    total, shares = goodput.shares()
    assert sum(goodput.seconds.values()) <= total - 0.04
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["steps"] * total >= 0.04


def test_compilation_is_found_where_it_happens():
    goodput = Goodput()
    with goodput.spent(VALIDATION):
        jax.jit(lambda x: jnp.sin(x * 1.2345).sum()).lower(jnp.ones(8)).compile()
    assert goodput.seconds[COMPILATION] > 0
    again = Goodput()
    with again.spent(VALIDATION):
        time.sleep(0.01)
    assert again.seconds[COMPILATION] == 0


class Result:
    """What a device computes: finished when the test says so."""

    def __init__(self):
        self.future = Future()

    def is_ready(self):
        return self.future.done()

    def block_until_ready(self):
        self.future.result(timeout=10)
        return self


@pytest.fixture
def waits(monkeypatch):
    monkeypatch.setattr(jax, "block_until_ready", lambda result: result.block_until_ready())
    with DataWait(Goodput()) as waits:
        yield waits


def test_a_device_that_still_computes_waits_for_nothing(waits):
    result = Result()
    waits.computing(result)
    with waits.for_data():
        time.sleep(0.05)
    assert waits.seconds == 0
    result.future.set_result(None)


def test_a_device_that_has_finished_waits_until_the_data_come(waits):
    result = Result()
    result.future.set_result(None)
    waits.computing(result)
    with waits.for_data():
        time.sleep(0.05)
    assert waits.seconds >= 0.05


def test_only_the_time_after_the_device_has_finished_is_lost(waits):
    result = Result()
    waits.computing(result)
    started = time.monotonic()
    with waits.for_data():
        time.sleep(0.1)
        result.future.set_result(None)
        time.sleep(0.2)
    assert 0.02 <= waits.seconds <= time.monotonic() - started - 0.1


def test_the_first_batch_is_waited_for(waits):
    with waits.for_data():
        time.sleep(0.02)
    assert waits.seconds >= 0.02
    assert waits._goodput.seconds[DATA] == waits.seconds
