import pytest

from train.recipe.options import parser
from train.recipe.trace_window import TraceWindow


def test_a_window_of_steps():
    assert TraceWindow.parse("5") == (10, 5)
    assert TraceWindow.parse("0:3") == (0, 3)
    assert TraceWindow.parse("200:20") == (200, 20)


@pytest.mark.parametrize("text", ["", ":", "5:", ":5", "0", "3:0", "a", "1:2:3", "-1:5", "1.5"])
def test_what_is_no_window_is_refused_in_one_line(text, capsys):
    with pytest.raises(ValueError, match="is no window of steps"):
        TraceWindow.parse(text)
    with pytest.raises(SystemExit):
        parser().parse_args(["--data", "D", "--out", "R", f"--profile={text}"])
    assert "SKIP:COUNT" in capsys.readouterr().err
