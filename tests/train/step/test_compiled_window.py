"""Several steps in one call: what single steps do, told as one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.objective.loss import ObjectiveTerms
from train.data.packed import pack_photos
from train.init.start import starting_params
from train.step.compiled import make_step
from train.step.compiled_window import compile_window, seed_words, summarize
from train.step.device_crops import draw_crops
from train.step.mesh import replicate
from train.step.state import StepReport, initial_state

pytestmark = pytest.mark.usefixtures("quick_compilation")


class Noise:
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return np.random.default_rng(index).integers(0, 256, (70 + index, 64, 3), dtype=np.uint8)


def reports(skipped_in_row, loss):
    values = jnp.array(loss, jnp.float32)
    fields = dict.fromkeys(ObjectiveTerms.__dataclass_fields__, values)
    in_row = jnp.array(skipped_in_row)
    return StepReport(ObjectiveTerms(**fields), values, values, jnp.cumsum(in_row > 0), in_row)


def test_a_report_is_the_mean_of_the_steps_that_counted():
    summary = summarize(reports([0, 1, 2, 0], [1.0, np.nan, np.inf, 4.0]))
    assert float(summary.terms.loss) == float(summary.grad_norm) == float(summary.quantile_loss) == 2.5
    assert (int(summary.skipped), int(summary.skipped_in_row)) == (2, 0)


def test_a_report_of_skipped_steps_only_says_nothing():
    summary = summarize(reports([1, 2], [1.0, 2.0]))
    assert np.isnan(summary.terms.loss)
    assert int(summary.skipped_in_row) == 2


def test_a_window_does_what_its_steps_do_with_the_learning_rates_it_is_given(train_config, with_fields, one_device):
    config = with_fields(train_config, photos_on_device=True, steps_per_call=3)
    photos = pack_photos(Noise(), size=64, weight="photo", limit_bytes=2**22, tell=print)
    rates = np.array([1e-3, 2e-3, 0], np.float32)
    begin = initial_state(starting_params(config, None, print), average=True)
    start = jax.device_get(begin)
    state, report = compile_window(config, 2, one_device)(
        replicate(begin, one_device), photos, rates, seed_words(config.seed)
    )
    assert int(state.step) == 3

    step, single, losses = jax.jit(make_step(config, 2, one_device)), start, []
    before = None
    for number, rate in enumerate(rates):
        before = single
        single, one = step(single, draw_crops(photos, config.seed, number, config.batch_size, 64), rate)
        losses.append(float(one.terms.loss))
    np.testing.assert_allclose(float(report.terms.loss), np.mean(losses), rtol=1e-4)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), state.params, single.params)
    # The last rate was 0: but for the quantiles, which have their own, nothing moved.
    np.testing.assert_array_equal(
        single.params["analysis"]["down_0"]["bias"], before.params["analysis"]["down_0"]["bias"]
    )
    assert len({*losses}) == 3
