import jax.numpy as jnp
import pytest

from cca_jax.codec.tiles import stopwatch
from cca_jax.codec.tiles.stopwatch import Stopwatch, timed


@pytest.fixture
def ticks(monkeypatch):
    """A clock that moves by 1, 2, 4, … seconds between its readings."""
    readings = iter([0, 1, 3, 7, 15, 31])
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: float(next(readings)))


@pytest.mark.usefixtures("ticks")
def test_parts_add_up_by_name():
    clock = Stopwatch()
    for name in ("a", "b", "a"):
        with clock.part(name):
            pass
    assert clock.seconds == {"a": 1 + 16, "b": 4}


@pytest.mark.usefixtures("ticks")
def test_what_fails_is_counted_too():
    clock = Stopwatch()
    with pytest.raises(KeyError), clock.part("a"):
        raise KeyError
    assert clock.seconds == {"a": 1}


def test_timed_returns_what_was_computed_with_and_without_a_clock():
    clock = Stopwatch()
    assert timed(None, "a", divmod, 7, 2) == (3, 1)
    assert timed(clock, "a", jnp.add, 1, 2) == 3
    assert timed(clock, "b", divmod, 7, 2) == (3, 1)
    assert set(clock.seconds) == {"a", "b"}
