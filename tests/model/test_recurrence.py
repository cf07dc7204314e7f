"""Context rules: which slices a slice is predicted from, in the main and in the auxiliary model."""

import dataclasses

import pytest

from cca_jax.config import ModelConfig
from cca_jax.model.recurrence import (
    context_of,
    reads_context,
    refined_slices,
    register_context_rule,
    slice_recurrence,
)
from cca_jax.model.registry import UnregisteredPartError

register_context_rule("tests.pairs", lambda index: range(index - index % 2, index))
register_context_rule("tests.first_and_last", lambda index: sorted({0, index - 1} - {-1}) if index else ())
register_context_rule("tests.itself", lambda index: [index])
register_context_rule("tests.falling", lambda index: range(index)[::-1])


def contexts(rule, skip, count=5):
    config = ModelConfig(num_slices=count, context_rule=rule)
    return [context_of(config, index, skip) for index in range(count)], refined_slices(config, skip)


@pytest.mark.parametrize(
    ("rule", "skip", "expected", "refined"),
    [
        ("causal", 0, [(), (0,), (0, 1), (0, 1, 2), (0, 1, 2, 3)], (0, 1, 2, 3, 4)),
        ("causal", 1, [(), (), (0,), (0, 1), (0, 1, 2)], (0, 1, 2)),
        ("none", 0, [()] * 5, (0, 1, 2, 3, 4)),
        ("none", 1, [()] * 5, ()),
        ("tests.pairs", 0, [(), (0,), (), (2,), ()], (0, 1, 2, 3, 4)),
        ("tests.pairs", 1, [()] * 5, ()),
        ("tests.first_and_last", 1, [(), (), (0,), (0,), (0,)], (0,)),
    ],
)
def test_what_each_slice_sees(rule, skip, expected, refined):
    assert contexts(rule, skip) == (expected, refined)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_only_slices_that_are_seen_or_synthesized_are_refined(count):
    assert contexts("causal", 0, count)[1] == tuple(range(count))
    assert contexts("causal", 1, count)[1] == tuple(range(count - 2))


def test_the_recurrence_follows_the_rule():
    config, seen = ModelConfig(num_slices=4, context_rule="tests.first_and_last"), []
    predict = lambda index, context: seen.append(list(context)) or index  # noqa: E731
    arguments = (predict, lambda index, _: 10 * index, lambda index, _, coded: coded + index)
    assert slice_recurrence(config, 0, *arguments) == [0, 11, 22, 33]
    assert seen == [[], [0], [0, 11], [0, 22]]
    assert slice_recurrence(config, 0, *arguments, count=2) == [0, 11]


def test_reads_context():
    causal = ModelConfig()
    assert reads_context(causal)
    assert not reads_context(dataclasses.replace(causal, context_rule="none"))
    assert not reads_context(dataclasses.replace(causal, num_slices=1))


@pytest.mark.parametrize("rule", ["tests.itself", "tests.falling"])
def test_rules_that_are_not_causal_are_refused(rule):
    with pytest.raises(ValueError, match=f"the context rule '{rule}' predicts slice .* must rise and lie before it"):
        contexts(rule, 0)


def test_a_rule_that_nobody_registered():
    with pytest.raises(UnregisteredPartError, match=r"unregistered context rule 'nobodys' .*causal, .*none"):
        contexts("nobodys", 0)
