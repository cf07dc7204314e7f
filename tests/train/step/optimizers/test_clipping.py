import jax.numpy as jnp
import numpy as np
import pytest

from train.step.optimizers.clipping import clip_by_global_norm


@pytest.mark.parametrize("size", [2, 4096, 10_000])
def test_clipping_follows_pytorch(size):
    gradient = jnp.zeros(size).at[0].set(3.0).at[size - 1].set(-4.0)
    clipped, norm = clip_by_global_norm(gradient, 1.0)
    assert float(norm) == 5
    np.testing.assert_allclose(clipped[-1], -4 / (5 + 1e-6), rtol=1e-6)
    untouched, _ = clip_by_global_norm(gradient, 5.1)
    np.testing.assert_array_equal(untouched, gradient)
    small, _ = clip_by_global_norm(gradient * (1e-6 / 3), 5e-6 / 3)  # where norm + 1e-6 differs from the norm
    np.testing.assert_allclose(small[0], 1e-6 * 5 / 8, rtol=1e-5)


def test_arrays_are_clipped_together():
    gradient = {"a": jnp.array([[3.0, 0.0]]), "b": jnp.array([-4.0])}
    clipped, norm = clip_by_global_norm(gradient, 1.0)
    assert float(norm) == 5
    np.testing.assert_allclose(clipped["a"], [[0.6, 0]], rtol=1e-6)
    np.testing.assert_allclose(clipped["b"], [-0.8], rtol=1e-6)


def test_squares_that_are_known_are_taken():
    clipped, norm = clip_by_global_norm({"part": jnp.array([3.0])}, 1.0, squares=jnp.float32(25.0))
    assert float(norm) == 5
    np.testing.assert_allclose(clipped["part"], [0.6], rtol=1e-6)


def test_the_norm_of_many_small_numbers_is_exact():
    """One float32 sum of so many squares is off by percents."""
    gradient = jnp.full(20_000_000, 1e-3)
    np.testing.assert_allclose(clip_by_global_norm(gradient, 1.0)[1], 1e-3 * 20_000_000**0.5, rtol=1e-6)
