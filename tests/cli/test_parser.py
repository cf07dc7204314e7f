import argparse

import pytest

from cca_jax.cli.parser import OneLineParser, names, whole_number


def test_a_mistake_is_one_line(capsys):
    parser = OneLineParser(prog="it")
    parser.add_argument("--count", type=whole_number(2))
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--count", "1"])
    assert capsys.readouterr().err == ("cca-jax: argument --count: '1' is no whole number from 2 (see it --help)\n")


@pytest.mark.parametrize("text", ["", "-1", "1.5", "one", "²", "1"])
def test_what_is_no_whole_number_from_two_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is no whole number from 2"):
        whole_number(2)(text)


def test_whole_numbers_and_names():
    assert whole_number(0)("0") == 0
    assert whole_number(2)("12") == 12
    assert names("b, a,,b ,c") == ["b", "a", "c"]
    with pytest.raises(argparse.ArgumentTypeError, match="names nothing"):
        names(" ,")
