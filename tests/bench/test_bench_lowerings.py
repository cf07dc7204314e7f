"""A lowering and the plain definition are timed as two programs of the same function."""

import jax
import numpy as np
import pytest

from bench.training.lowerings import cases, compiled, time_lowering

SMALL = {case.name: case for case in cases(batch=4, crop=64)}


@pytest.mark.parametrize("name", SMALL)
def test_the_variants_are_two_programs_that_agree(name):
    programs = [compiled(SMALL[name], lowered)[1] for lowered in (False, True)]
    assert programs[0].as_text() != programs[1].as_text()
    plain, lowered = (program(*SMALL[name].arguments) for program in programs)
    for actual, expected in zip(jax.tree.leaves(lowered), jax.tree.leaves(plain), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_figures_are_positive():
    actual = time_lowering(SMALL["kernel gradient 3×3, 8²×48 to 48"], 1)
    seconds = (actual.plain.median, actual.lowered.median, actual.plain_compile, actual.lowered_compile)
    assert min(*seconds, actual.ratio) > 0
    assert actual.ratio == actual.lowered.median / actual.plain.median
