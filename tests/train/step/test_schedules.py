import numpy as np
import pytest

from train.recipe.durations import Duration
from train.step import schedules

EPOCH = 10


def rates(schedule, steps):
    return np.array([float(schedule(step)) for step in steps])


def test_the_released_learning_rate_drops_once(train_config, with_fields):
    config = with_fields(train_config, duration=Duration(65, "epochs"), drop_at=Duration(56, "epochs"))
    rate = schedules.learning_rate(config, EPOCH)
    np.testing.assert_allclose(rates(rate, (0, 1, 559, 560, 649)), np.array([1, 1, 1, 0.1, 0.1]) * 1e-2, rtol=1e-6)


def test_the_rate_weight_changes_with_it(train_config, with_fields):
    config = with_fields(train_config, drop_at=Duration(2, "epochs"))
    np.testing.assert_allclose(rates(schedules.rate_weight(config, EPOCH), (0, 19, 20, 100)), [1, 1, 1000, 1000])


@pytest.mark.parametrize(("decay", "end"), [("drop", 0.1), ("cosine", 0.01)])
def test_warmup_rises_linearly_and_the_decay_keeps_its_place(train_config, with_fields, decay, end):
    config = with_fields(
        train_config, learning_rate_decay=decay, warmup=Duration(20), duration=Duration(100), drop_at=Duration(60)
    )
    rate = schedules.learning_rate(config, EPOCH)
    np.testing.assert_allclose(rates(rate, (0, 5, 10, 20)), [0, 0.25e-2, 0.5e-2, 1e-2], atol=1e-9)
    np.testing.assert_allclose(rates(rate, (100,)), [end * 1e-2], rtol=1e-5)
    if decay == "drop":
        np.testing.assert_allclose(rates(rate, (59, 60)), [1e-2, 1e-3], rtol=1e-6)
    else:
        middle = 1e-2 * (0.01 + 0.99 / 2)
        np.testing.assert_allclose(rates(rate, (60,)), [middle], rtol=1e-5)
        assert (np.diff(rates(rate, range(20, 101))) < 0).all()


def test_the_cca_weight_rises_to_its_value(train_config, with_fields):
    config = with_fields(train_config, cca_weight=0.4, cca_warmup=Duration(2, "epochs"))
    np.testing.assert_allclose(
        rates(schedules.cca_weight(config, EPOCH), (0, 5, 20, 90)), [0, 0.1, 0.4, 0.4], rtol=1e-6
    )
    half = with_fields(train_config, hyper_warmup=Duration(10))
    np.testing.assert_allclose(rates(schedules.hyper_rate_factor(half, EPOCH), (0, 5, 10, 90)), [0, 0.5, 1, 1])
    assert rates(schedules.hyper_rate_factor(train_config, EPOCH), (0,)) == 1
    at_once = with_fields(train_config, cca_weight=0.4)
    np.testing.assert_allclose(rates(schedules.cca_weight(at_once, EPOCH), (0, 7)), [0.4, 0.4])
