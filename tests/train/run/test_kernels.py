"""The kernels are tried before a run relies on them, with a chip that is only said to be there."""

import pytest

from cca_jax.ops import platform
from cca_jax.ops.gpu.fused import choice, trial
from train.recipe.options import config_of, parse
from train.run.kernels import try_kernels


def config(precision):
    """A run of the released model."""
    options = ["--data", "random", "--out", "run", "--preset", "paper", "--rate-weight", "1", "--steps", "1"]
    return config_of(parse([*options, "--precision", precision]))


@pytest.fixture
def tried(monkeypatch):
    """Widths that were tried, all of which are taken."""
    widths = []
    monkeypatch.setattr(platform, "on_gpu", lambda: True)
    monkeypatch.setattr(choice, "takes", lambda x: not choice._refused)
    monkeypatch.setattr(choice, "_refused", [])
    monkeypatch.setattr(trial, "failure", widths.append)
    return widths


def test_each_width_is_tried_once(tried):
    told = []
    try_kernels(config("bfloat16"), told.append)
    assert (tried, told, choice._refused) == ([192, 224, 256], [], [])


def test_where_one_fails_all_is_left_to_the_compiler(tried, monkeypatch):
    told = []
    monkeypatch.setattr(trial, "failure", lambda channels: f"{channels} is wrong")
    try_kernels(config("bfloat16"), told.append)
    assert choice._refused == ["192 is wrong"]
    assert len(told) == 1
    assert told[0].startswith("warning: ")
    assert told[0].endswith("192 is wrong")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_nothing_is_tried_where_they_are_not_used(precision, tried, monkeypatch):
    monkeypatch.setattr(platform, "on_gpu", lambda: precision == "float32")
    try_kernels(config(precision), pytest.fail)
    assert tried == []
