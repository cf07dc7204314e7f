"""What asks a run to end, of one process and of several; real processes are in `tests/train/command/`."""

import signal

import jax
import pytest
from jax.experimental import multihost_utils

from train.run.interrupts import Interrupts


@pytest.fixture
def two_processes(monkeypatch):
    """Signals this process sent to itself, and the call at which all agree to end."""
    sent, agreed = [], set()
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr("os.kill", lambda process, number: sent.append(number))
    monkeypatch.setattr(multihost_utils, "reached_preemption_sync_point", lambda call: call in agreed)
    return sent, agreed


def test_a_process_alone_ends_when_it_is_asked():
    interrupts = Interrupts()
    assert not interrupts.agreed(1)
    assert interrupts.exit_status == 0
    interrupts._receive(signal.SIGINT, None)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert interrupts.agreed(2)
    assert interrupts.exit_status == 130


def test_late_is_124():
    interrupts = Interrupts(time_limit=0)
    assert interrupts.agreed(1)
    assert interrupts.exit_status == 124


def test_of_several_processes_each_ends_where_all_agreed(two_processes):
    sent, agreed = two_processes
    agreed.add(3)
    interrupts = Interrupts()
    assert [interrupts.agreed(call) for call in (1, 2, 3)] == [False, False, True]
    assert sent == []
    assert interrupts.exit_status == 143


def test_of_several_processes_the_one_that_is_late_tells_the_others_once(two_processes):
    sent, agreed = two_processes
    agreed.add(4)
    interrupts = Interrupts(time_limit=0)
    assert [interrupts.agreed(call) for call in (1, 2, 3, 4)] == [False, False, False, True]
    assert sent == [signal.SIGTERM]
    assert interrupts.exit_status == 124


def test_of_several_processes_sigterm_is_left_to_jax(two_processes):
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        interrupts = Interrupts()
        interrupts.listen()
        assert signal.getsignal(signal.SIGTERM) == before[signal.SIGTERM]
        assert signal.getsignal(signal.SIGINT) == interrupts._receive
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
