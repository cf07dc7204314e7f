"""This library against PyTorch's numbers: the case `small` (its making: see eval.verify.golden and eval.verify.verify).

The stored numbers are the released code's. They may be replaced by a new dump of that code, never by our own output.
"""

from pathlib import Path

import pytest

from eval.verify.golden import load_case
from eval.verify.verify import coding_rows, evaluation_rows, training_rows, verify

CASES = [Path(__file__).parent / "golden" / "small.json"]
PAPER = Path(__file__).parents[2] / "shared" / "golden" / "paper.json"


def failures(rows):
    rows = list(rows)
    assert rows
    return [row for row in rows if not row.passed]


@pytest.fixture(scope="module")
def case():
    return load_case(CASES[0])


@pytest.fixture(scope="module")
def params(case):
    return case.params()


def test_evaluation(case, params):
    assert not failures(evaluation_rows(case, params))


def test_coding(case, params):
    assert not failures(coding_rows(case, params))


@pytest.mark.slow
def test_three_optimizer_steps(case, params):
    assert not failures(training_rows(case, params))


@pytest.mark.slow
@pytest.mark.skipif(not PAPER.exists(), reason="that case is beside some checkouts only")
def test_the_papers_size():
    assert not failures(verify(load_case(PAPER)))
