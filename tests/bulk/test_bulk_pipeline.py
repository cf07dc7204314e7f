"""Stages over many items: every outcome, in order, whatever fails; groups; and what limits."""

import threading

import pytest

from cca_jax.bulk.meter import CODING, READING, WRITING, Meter
from cca_jax.bulk.pipeline import Threads, run, run_in_turn


class Doubling:
    """Reads a number, doubles it, and writes it down; some numbers fail at a stage."""

    def __init__(self, fails=(), groups=None):
        self.fails, self.groups, self.calls, self.written = dict(fails), groups, [], {}
        self.lock, self.stopped = threading.Lock(), False

    def _check(self, stage, number):
        if self.fails.get(number) == stage:
            raise ValueError(f"{number} cannot be {stage}")

    def read(self, item):
        self._check("read", item)
        return item

    def pixels(self, loaded):
        return loaded

    def group(self, loaded):
        return None if self.groups is None else self.groups(loaded)

    def code(self, loaded):
        with self.lock:
            self.calls.append(list(loaded))
        for number in loaded:
            self._check("coded", number)
        return [2 * number for number in loaded]

    def write(self, item, coded):
        self._check("written", item)
        self.written[item] = coded
        return coded

    def stop(self):
        self.stopped = True


def values(outcomes):
    return [
        (outcome.item, outcome.value, None if outcome.error is None else str(outcome.error)) for outcome in outcomes
    ]


@pytest.mark.parametrize("coders", [0, 1, 3])
def test_a_failure_is_its_items_alone(coders):
    stages = Doubling({2: "read", 4: "coded", 5: "written"})
    threads = Threads(coders=max(1, coders))
    meter = threads.meter()
    outcomes = (
        run(range(8), stages, threads, meter, (ValueError,))
        if coders
        else run_in_turn(range(8), stages, meter, (ValueError,))
    )
    assert values(outcomes) == [
        (0, 0, None),
        (1, 2, None),
        (2, None, "2 cannot be read"),
        (3, 6, None),
        (4, None, "4 cannot be coded"),
        (5, None, "5 cannot be written"),
        (6, 12, None),
        (7, 14, None),
    ]
    assert stages.written == {0: 0, 1: 2, 3: 6, 6: 12, 7: 14}


def test_an_unexpected_error_ends_the_run():
    stages = Doubling({1: "coded"})
    threads = Threads(coders=2)
    with pytest.raises(ValueError, match="1 cannot be coded"):
        list(run(range(1000), stages, threads, threads.meter(), (OSError,)))
    assert stages.stopped
    assert len(stages.written) < 10


def test_items_of_one_group_are_coded_together():
    stages = Doubling(groups=lambda number: None if number == 5 else number % 2)
    threads = Threads(batch=3)
    outcomes = list(run(range(11), stages, threads, threads.meter(), (ValueError,)))
    assert sorted(stages.calls) == [[0, 2, 4], [1, 3, 7], [5], [6, 8, 10], [9]]
    assert {outcome.item: outcome.value for outcome in outcomes} == {number: 2 * number for number in range(11)}


def test_where_a_batch_fails_its_items_are_coded_one_by_one():
    stages = Doubling({2: "coded"}, groups=lambda number: 0)
    threads = Threads(batch=4)
    outcomes = list(run(range(4), stages, threads, threads.meter(), (ValueError,)))
    assert stages.calls == [[0, 1, 2, 3], [0], [1], [2], [3]]
    assert [outcome.error is None for outcome in outcomes] == [True, True, False, True]


def test_many_groups_hold_back_a_bounded_number_of_items():
    taken = []

    def items():
        for number in range(60):
            taken.append(number)
            yield number

    stages = Doubling(groups=lambda number: number)  # no two alike
    threads = Threads(batch=2)
    for done, _ in enumerate(run(items(), stages, threads, threads.meter(), ())):
        assert len(taken) - done <= 8 + 3 + 2 + 2 + 4  # held back, read ahead, coded, written, in hand
    assert len(stages.written) == 60


def test_leaving_early_stops_what_has_not_begun():
    stages = Doubling()
    threads = Threads()
    outcomes = run(range(1000), stages, threads, threads.meter(), ())
    assert next(outcomes).value == 0
    outcomes.close()
    assert stages.stopped
    assert len(stages.written) < 10


def test_the_stage_whose_threads_are_busiest_limits(monkeypatch):
    clock = iter([0.0, 0.0, 3.0, 3.0, 7.0, 7.0, 8.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock, 8.0))
    meter = Meter({READING: 1, CODING: 2, WRITING: 1})
    for stage in (READING, CODING, WRITING):
        with meter.stage(stage):
            pass
    assert meter.busy == {READING: 3.0, CODING: 4.0, WRITING: 1.0}
    assert meter.shares() == {READING: 0.375, CODING: 0.25, WRITING: 0.125}
    assert meter.limit() == READING
    meter.done(4, 16_000_000)
    assert str(meter) == "0.5 images/s, 2 MB/s, limited by reading"


def test_coding_is_named_by_its_larger_part(monkeypatch):
    clock = iter([0.0, 0.0, 4.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock, 4.0))
    meter = Meter({CODING: 1})
    with meter.stage(CODING):
        meter.add_parts({"transform": 1.0, "coder": 2.5})
    assert meter.limit() == "coder"
