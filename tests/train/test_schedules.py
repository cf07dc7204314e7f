import math

import jax.numpy as jnp
import numpy as np
import pytest

from train.schedules import two_rate_weights, warmup_cosine


def test_learning_rate_rises_linearly_to_the_peak():
    schedule = warmup_cosine(1e-3, 1000, 100)
    np.testing.assert_allclose([schedule(jnp.int32(s)) for s in (0, 25, 50, 100)], [0, 2.5e-4, 5e-4, 1e-3], rtol=1e-5)


def test_learning_rate_falls_on_a_cosine_to_a_hundredth():
    schedule = warmup_cosine(1e-3, 1000, 100)
    for step in (100, 325, 550, 1000):
        cosine = (1 + math.cos(math.pi * (step - 100) / 900)) / 2
        np.testing.assert_allclose(schedule(jnp.int32(step)), 1e-5 + (1e-3 - 1e-5) * cosine, rtol=1e-4)
    np.testing.assert_allclose(schedule(jnp.int32(5000)), 1e-5, rtol=1e-4)  # and stays there


def test_a_run_shorter_than_its_warmup_only_rises():
    rates = [float(warmup_cosine(1.0, 10, 100)(jnp.int32(step))) for step in range(11)]
    np.testing.assert_allclose(rates, np.arange(11) / 100, rtol=1e-5)


@pytest.mark.parametrize(("switch", "expected"), [(0, [7, 7, 7]), (2, [2, 2, 7]), (3, [2, 2, 2])])
def test_rate_weight_switches_at_its_step(switch, expected):
    assert [float(two_rate_weights(2.0, 7.0, switch)(jnp.int32(step))) for step in range(3)] == expected
