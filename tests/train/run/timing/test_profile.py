import jax
import pytest

from train.recipe.trace_window import TraceWindow
from train.run.timing.profile import Profile


@pytest.fixture
def traces(monkeypatch):
    """What the profiler was told to do."""
    calls = []
    monkeypatch.setattr(jax.profiler, "start_trace", lambda folder: calls.append(("start", folder)))
    monkeypatch.setattr(jax.profiler, "stop_trace", lambda: calls.append(("stop",)))
    return calls


def go(profile, steps, calls):
    for step in steps:
        profile.before(step)
        calls.append(step + 1)
        profile.after(step + 1, None)


def test_a_window_is_traced_from_the_step_that_the_process_began_with(traces, tmp_path):
    told = []
    with Profile(TraceWindow(2, 3), tmp_path, first=100, tell=told.append) as profile:
        go(profile, range(100, 110), traces)
        profile.finish(110)
    folder = str(tmp_path / "profile")
    assert traces == [101, 102, ("start", folder), 103, 104, 105, ("stop",), 106, 107, 108, 109, 110]
    assert told == [f"trace of steps 103 to 105 in {folder}: tensorboard --logdir {folder}"]


def test_a_run_that_ends_within_the_window_keeps_what_there_is(traces, tmp_path):
    told = []
    with Profile(TraceWindow(1, 30), tmp_path, 0, told.append) as profile:
        go(profile, range(4), traces)
        profile.finish(4)
    assert traces[-1] == ("stop",)
    assert told[0].startswith("trace of steps 2 to 4 in ")


def test_a_run_that_ends_before_it_says_so(traces, tmp_path):
    told = []
    with Profile(TraceWindow(10, 5), tmp_path, 0, told.append) as profile:
        go(profile, range(4), traces)
        profile.finish(4)
    assert told == ["warning: no trace: --profile begins after step 10, and the run ended at 4"]
    assert ("stop",) not in traces


def test_an_error_ends_the_trace(traces, tmp_path):
    def fail():
        with Profile(TraceWindow(0, 5), tmp_path, 0, str) as profile:
            profile.before(0)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert traces[-1] == ("stop",)


def test_without_a_window_nothing_happens(traces, tmp_path):
    with Profile(None, tmp_path, 0, pytest.fail) as profile:
        go(profile, range(3), [])
        profile.finish(3)
    assert traces == []
