"""The levels: iterations grow, temperatures fall, and numbers are what they must be."""

import pytest

from cca_jax.codec.effort.levels import COLDEST, LEVELS, MAX_EFFORT, check_effort
from cca_jax.codec.effort.search import AT_ONCE


def test_levels_grow_from_none():
    iterations = [level.iterations for level in LEVELS]
    assert MAX_EFFORT == 9
    assert iterations[0] == 0
    assert iterations == sorted(set(iterations))
    assert all(count % AT_ONCE == 0 for count in iterations)


def test_rounding_is_annealed():
    for level in LEVELS[1:]:
        temperatures = [level.temperature(number) for number in range(level.iterations)]
        assert temperatures[0] == level.hottest
        assert temperatures[-1] == pytest.approx(COLDEST)
        assert temperatures == sorted(temperatures, reverse=True)


def test_check_effort():
    for effort in range(MAX_EFFORT + 1):
        check_effort(effort)
    with pytest.raises(ValueError, match="from 0 to 9"):
        check_effort(MAX_EFFORT + 1)
