"""Usage errors of `python -m bench` are one line and status 2."""

import pytest

from bench import options


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "vae.py").touch()
    return tmp_path


def test_defaults_leave_out_what_needs_a_checkout(checkout):
    assert options.parse([]).parts == ["codec", "process", "training", "data"]
    assert options.parse(["--reference", str(checkout)]).parts[-1] == "reference"
    assert options.parse(["codec", "--batch-size", "3"]).batch_size == 3  # only training is divided
    assert options.parse(["--devices", "4,2"]).devices == [1, 2, 4]  # overhead needs one device to compare with
    assert options.parse(["--sizes", "768x512,1x2"]).sizes == [(512, 768), (2, 1)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["speed"], "no part 'speed'"),
        (["--sizes", "768"], "is not a size"),
        (["--sizes", "0x12"], "is not a size"),
        (["--repetitions", "0"], "is no whole number from 1"),
        (["--batch-size", "3"], "cannot be divided over 2 devices"),
        (["reference"], "needs --reference"),
        (["seams"], "needs --data"),
        (["bulk"], "needs --data"),
        (["bulk", "--data", ".", "--before", "nowhere"], "is no checkout"),
        (["scale", "--data", ".", "--cases", "64"], "are no cases"),
        (["profile", "--picture", "nowhere/at/all.png"], "no such folder"),
        (["--reference", "nowhere"], "is not a checkout"),
        (["--json", "nowhere/at/all.json"], "no such folder"),
        (["--wrong"], "--wrong"),
    ],
)
def test_usage_errors_are_one_line(arguments, message, capsys):
    with pytest.raises(SystemExit) as left:
        options.parse(arguments)
    assert left.value.code == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
