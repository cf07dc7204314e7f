"""A process that codes images of ever new sizes holds a bounded number of programs."""

import gc
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from cca_jax.compile_cache import held, programs
from cca_jax.compile_cache.held import HeldPrograms

MAPPINGS = Path("/proc/self/maps")


def step_with_traces():
    traces = []

    @jax.jit
    def step(x):
        traces.append(x.shape)
        return jnp.sin(x).sum()

    return step, traces


@pytest.fixture
def room_for_four(monkeypatch):
    monkeypatch.setattr(held, "FEWEST", 2)
    monkeypatch.setattr(held, "crowded", lambda count: count > 4)
    monkeypatch.setattr(programs, "_programs", HeldPrograms())


def test_those_used_least_recently_give_way(room_for_four):
    programs_of, (step, _) = HeldPrograms(), step_with_traces()
    for key in range(4):
        programs_of.put(key, step, f"program {key}")
    assert programs_of.get(0) == "program 0"  # now used last
    programs_of.put(4, step, "program 4")  # the fifth: the older half goes
    assert [programs_of.get(key) for key in range(5)] == ["program 0", None, None, None, "program 4"]
    assert len(programs_of) == 2


def test_one_that_is_there_already_makes_nothing_go(room_for_four):
    programs_of, (step, _) = HeldPrograms(), step_with_traces()
    for key in (0, 1, 2, 3, 3, 3):
        programs_of.put(key, step, key)
    assert len(programs_of) == 4
    programs_of.remove(3)
    assert programs_of.get(3) is None
    programs_of.clear()
    assert len(programs_of) == 0


def test_few_programs_stay_however_crowded_it_is(monkeypatch):
    monkeypatch.setattr(held, "crowded", lambda count: True)
    programs_of, (step, _) = HeldPrograms(), step_with_traces()
    for key in range(3 * held.FEWEST):
        programs_of.put(key, step, key)
        assert programs_of.get(key) == key
        assert len(programs_of) == min(key + 1, held.FEWEST)


def test_jax_forgets_what_it_compiled_itself_and_compiles_it_again(room_for_four):
    step, traces = step_with_traces()
    for size in (1, 2, 3, 4, 5, 5, 1):
        assert float(programs.find(step, (jnp.zeros(size),))()) == 0
    assert [shape[0] for shape in traces] == [1, 2, 3, 4, 5, 1]  # the fifth found here was called after the others went


@pytest.mark.skipif(not MAPPINGS.exists(), reason="the mappings of a process are told by Linux")
def test_mappings_of_a_process_are_bounded(monkeypatch):
    def count():
        return MAPPINGS.read_bytes().count(b"\n")

    monkeypatch.setattr(held, "FEWEST", 2)
    monkeypatch.setattr(programs, "_programs", HeldPrograms())
    gc.collect()
    start, granted, (step, _) = count(), int(Path("/proc/sys/vm/max_map_count").read_text()), step_with_traces()
    monkeypatch.setattr(held, "_SHARE", (start + 60) / granted)
    most = 0
    for size in range(1, 41):
        programs.find(step, (jnp.zeros(size),))()
        most = max(most, count())
    gc.collect()
    assert start + 60 < most < start + 150
    assert len(programs._programs) < 20
