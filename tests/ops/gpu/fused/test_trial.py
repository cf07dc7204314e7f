from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.blocks.layers import NAFBlock
from cca_jax.ops.gpu.blocks import compiled_naf_block
from cca_jax.ops.gpu.fused.naf_block import naf_block
from cca_jax.ops.gpu.fused.trial import distance, drawn_block, failure


def test_a_drawn_block_is_one_of_the_models():
    params, x = drawn_block(1, 4, 4, 16)
    own = NAFBlock().init(jax.random.key(0), x)["params"]
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, own)


def test_the_kernels_pass():
    assert failure(16, partial(naf_block, interpret=True), 4) is None


def with_a_wrong_gradient(factor):
    """The block, and a gradient to β that is so many times its own."""

    @jax.custom_vjp
    def identity(beta):
        return beta

    identity.defvjp(lambda beta: (beta, None), lambda _, cotangent: (factor * cotangent,))
    return lambda params, x: compiled_naf_block({**params, "beta": identity(params["beta"])}, x)


@pytest.mark.parametrize("factor", [1.1, float("nan")])
def test_one_wrong_gradient_is_enough_to_fail(factor):
    assert failure(16, with_a_wrong_gradient(factor), 4).startswith("with 16 channels they are ")


def test_so_is_a_kernel_that_does_not_compile():
    def broken(params, x):
        raise RuntimeError("Shared memory size limit exceeded\nmore")

    assert failure(16, broken, 4) == "they do not compile (Shared memory size limit exceeded)"


def test_a_distance_is_the_largest_and_nan_is_not_overlooked():
    exact = [np.ones(4), np.ones(4)]
    assert distance([np.ones(4), np.full(4, 1.5)], exact) == pytest.approx(0.5)
    assert np.isnan(distance([np.ones(4), np.full(4, np.nan)], exact))
    assert np.isnan(distance([np.full(4, np.nan), np.ones(4)], exact))
