"""Names and options of optimizers: what exists is said, what does not is refused in one line."""

import pytest

from train.recipe.optimizers import is_elementwise, optax_factory, optimizer_names, parse_optimizer_options


def test_adam_and_those_of_optax_exist():
    names = optimizer_names()
    assert {"adam", "adamw", "lion", "sgd", "lamb", "adafactor", "muon"} <= set(names)
    assert names == sorted(set(names))


def test_what_knows_arrays_may_not_see_a_vector():
    assert all(map(is_elementwise, ("adam", "adamw", "lion", "sgd")))
    assert not any(map(is_elementwise, ("lamb", "lars", "adafactor", "muon", "novograd", "sm3")))


def test_options_are_numbers_and_truth_values():
    assert parse_optimizer_options("adam", "") == {}
    assert parse_optimizer_options("adam", "b1=0.8, eps=1e-6") == {"b1": 0.8, "eps": 1e-6}
    assert parse_optimizer_options("sgd", "momentum=0.9,nesterov=True") == {"momentum": 0.9, "nesterov": True}
    assert parse_optimizer_options("adafactor", "clipping_threshold=None") == {"clipping_threshold": None}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("adamm", "", r"^no optimizer 'adamm': choose one of adabelief, .*adam, adamax, .*yogi$"),
        ("scale_by_adam", "", "no optimizer 'scale_by_adam'"),
        ("adam", "nesterov=True", r"^--optimizer adam has no option 'nesterov': it has b1, b2, eps$"),
        ("adamw", "learning_rate=1", "--optimizer adamw has no option 'learning_rate': it has b1, b2, "),
        ("lamb", "mask=None", "--optimizer lamb has no option 'mask'"),
        ("sign_sgd", "b1=0.9", "--optimizer sign_sgd has no option 'b1': it has none"),
        ("adamw", "weight_decay", "--optimizer-options takes NAME=VALUE,NAME=VALUE, got 'weight_decay'"),
        (
            "adamw",
            "weight_decay=much",
            "--optimizer-options weight_decay takes a number, True, False or None, got 'much'",
        ),
        ("adamw", "weight_decay=(1,2)", "weight_decay takes a number, True, False or None"),
        ("adamw", "weight_decay=-1", "--optimizer-options weight_decay must be at least 0, got -1"),
        ("adamw", "b1=1", "--optimizer-options b1 must be at least 0 and below 1, got 1"),
        ("adamw", "b1=0.9,b1=0.8", "--optimizer-options has b1 twice"),
    ],
)
def test_mistakes_are_one_line(name, text, message):
    with pytest.raises(ValueError, match=message) as refused:
        parse_optimizer_options(name, text)
    assert "\n" not in str(refused.value)


def test_there_is_no_factory_for_what_does_not_exist():
    with pytest.raises(ValueError, match="no optimizer 'nothing'"):
        optax_factory("nothing")
