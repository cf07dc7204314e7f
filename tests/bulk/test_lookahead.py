"""Order, bounds, and what happens when somebody stops."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cca_jax.bulk.lookahead import lookahead


@pytest.fixture
def pool():
    with ThreadPoolExecutor(3) as pool:
        yield pool


def test_results_come_in_the_order_of_the_items(pool):
    second = threading.Event()

    def work(number):
        if number == 0:
            assert second.wait(10)  # until the next item is worked on
        second.set()
        return 10 * number

    assert list(lookahead(pool, work, range(5), 2, room=0)) == [0, 10, 20, 30, 40]


@pytest.mark.parametrize("depth", [1, 3])
def test_no_more_items_are_taken_than_the_depth(pool, depth):
    taken = []

    def items():
        for number in range(8):
            taken.append(number)
            yield number

    for given, _ in enumerate(lookahead(pool, lambda number: number, items(), depth)):
        assert len(taken) <= given + depth + 1  # one is in the hand


def test_what_is_too_heavy_goes_alone(pool):
    begun = []

    def work(weight):
        begun.append(weight)
        return weight

    results = lookahead(pool, work, [1, 9, 1], 3, lambda weight: weight, 6)
    assert next(results) == 1
    assert next(results) == 9
    assert begun == [1, 9]
    assert list(results) == [1]


def test_an_error_reaches_the_caller_and_stops_the_rest(pool):
    begun = []

    def work(number):
        begun.append(number)
        if number == 1:
            raise OSError("gone")
        return number

    results = lookahead(pool, work, range(100), 2)
    assert next(results) == 0
    with pytest.raises(OSError, match="gone"):
        list(results)
    assert len(begun) < 10
