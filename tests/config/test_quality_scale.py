import numpy as np
import pytest

from cca_jax.config.quality_scale import DEFAULT_QUALITY, SWEEP, check_quality, rate_index


def test_the_ends_are_the_ends_and_the_sweep_spans_them():
    assert [rate_index(q, 6) for q in (1, 100)] == [0, 5]
    assert len(SWEEP) == 10
    np.testing.assert_allclose(np.diff([float(rate_index(q, 4)) for q in SWEEP]), 1 / 3)
    check_quality(DEFAULT_QUALITY)


@pytest.mark.parametrize("quality", [0.0, 100.5, float("nan")])
def test_what_is_no_quality_is_refused(quality):
    with pytest.raises(ValueError, match="from 1 to 100"):
        check_quality(quality)
