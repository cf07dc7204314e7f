"""What a run says while it compiles."""

from train.run.advance import _Announced


def test_each_program_is_announced_once():
    told, calls = [], []
    announced = _Announced(lambda *arguments: calls.append(arguments) or len(told), told.append)
    assert announced(1, "state", "batch") == 1  # the line stands before the call
    assert (announced(1, "next"), calls) == (2, [("state", "batch"), ("next",)])
    assert [line.partition(":")[0] for line in told] == ["compiling the training step", "compiled in 0 s"]
    announced(5, "window")
    assert told[2].startswith("compiling 5 training steps in one call")
