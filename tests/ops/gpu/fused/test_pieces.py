import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.ops.gpu.fused.pieces import in_turn, pieces_of, shifted, standardized, standardized_gradient
from cca_jax.ops.layers.normalization import standardize


@pytest.mark.parametrize(
    ("channels", "sizes"), [(16, [16]), (48, [32, 16]), (64, [64]), (192, [64, 64, 64]), (224, [64, 64, 64, 32])]
)
def test_pieces_cover_the_channels_one_after_the_other(channels, sizes):
    assert [size for _, size in pieces_of(channels)] == sizes
    assert [start for start, _ in pieces_of(channels)] == np.cumsum([0, *sizes])[:-1].tolist()


def test_a_shifted_piece_is_as_large():
    assert shifted((32, 16), 48) == (80, 16)


@pytest.mark.parametrize(("channels", "starts"), [(192, [0, 64, 128]), (224, [0, 32, 64, 96, 128, 160, 192])])
def test_a_loop_goes_through_equal_pieces(channels, starts):
    def step(piece, carry):
        return [carry[0].at[piece[0]].set(piece[1])]

    (visited,) = in_turn(channels, step, [jnp.zeros(channels, jnp.int32)])
    assert np.flatnonzero(visited).tolist() == starts
    assert visited.sum() == channels


def test_standardising_in_pieces_is_standardising():
    x, cotangent = jnp.asarray(np.random.default_rng(0).standard_normal((2, 8, 48)).astype(np.float32))
    parts = [x[:, start : start + size] for start, size in pieces_of(48)]
    normalized, inverse = standardized(parts)
    expected, pullback = jax.vjp(standardize, x[None, None])
    np.testing.assert_allclose(np.concatenate(normalized, 1), expected[0, 0], rtol=1e-5, atol=1e-5)
    cotangents = [cotangent[:, start : start + size] for start, size in pieces_of(48)]
    gradient = np.concatenate(standardized_gradient(normalized, inverse, cotangents), 1)
    np.testing.assert_allclose(gradient, pullback(cotangent[None, None])[0][0, 0], rtol=1e-4, atol=1e-5)
