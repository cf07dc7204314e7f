"""What is made of the seconds: medians, pairs of runs in turn, ratios, tables."""

import io

import pytest
from rich.console import Console

from bench import tables
from bench.reference.reference import compare
from bench.timing import Timing, alternate, summarize
from bench.training.training import TrainingFigures


def test_the_first_round_does_not_count_and_runs_take_turns():
    calls = []

    def run(name, seconds):
        return lambda: calls.append(name) or next(seconds)

    actual = alternate([run("a", iter([99.0, 1.0, 2.0])), run("b", iter([98.0, 3.0, 4.0]))], 2)
    assert actual == [[1.0, 2.0], [3.0, 4.0]]
    assert calls == ["a", "b"] * 3


def test_ratios_are_of_pairs():
    ours, theirs = iter([9.0, 1.0, 4.0, 3.0]), iter([9.0, 2.0, 2.0, 3.0])
    actual = compare(lambda: next(ours), lambda: next(theirs), 3)
    assert actual.ratio == (1.0, 0.5, 2.0)
    assert (actual.ours.median, actual.ours.low, actual.theirs.high) == (3.0, 1.0, 3.0)


def test_compiling_is_what_the_first_call_took_longer():
    assert summarize([3.0, 1.0, 2.0], first=7.0) == Timing(7.0, 2.0, 1.0, 3.0)
    assert summarize([2.0], first=7.0).compiling == 5.0
    assert summarize([2.0]).compiling is None


def test_the_overhead_of_devices_is_told_beside_one_device():
    cases = [TrainingFigures(n, 1.0, 1.0, summarize([seconds]), 1.0, 1) for n, seconds in ((1, 2.0), (2, 2.5))]
    stream = io.StringIO()
    Console(file=stream, width=150).print(tables.training_table("any", {"paper": cases}))
    one, two = [line for line in stream.getvalue().splitlines() if "paper" in line]
    assert "1.00×" in one
    assert "1.25×" in two


def test_a_ratio_needs_a_run():
    with pytest.raises(ValueError, match="no median"):
        summarize([])
