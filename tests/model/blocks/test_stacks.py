import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.blocks.layers import NAFBlock, ResidualBottleneck
from cca_jax.model.blocks.stacks import BlockStack, NAFStack
from cca_jax.ops import platform
from cca_jax.ops.cpu.strips import rows_in_strip
from cca_jax.ops.valid_region import ValidRegion


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape, np.float32))


def randomized(module, x, seed=0):
    """Parameters of a module with no zero among them."""
    shapes = jax.eval_shape(module.init, jax.random.key(0), x)["params"]
    leaves, structure = jax.tree.flatten(shapes)
    return structure.unflatten([0.5 * normal(seed + i, *leaf.shape) for i, leaf in enumerate(leaves)])


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_naf_stack_skips_over_all_its_blocks():
    x = normal(0, 1, 4, 4, 3)
    module = NAFStack(features=5, width=4, count=2)
    params = randomized(module, x)
    narrow = x @ params["enter"]["kernel"][0, 0] + params["enter"]["bias"][None, None, None]
    u = narrow
    for block in range(2):
        u = NAFBlock().apply(
            {"params": jax.tree.map(lambda leaf, block=block: leaf[block], params["naf"]["blocks"])}, u
        )
    expected = (narrow + u) @ params["leave"]["kernel"][0, 0] + params["leave"]["bias"][None, None, None]
    assert_close(module.apply({"params": params}, x), expected)


def test_repeated_blocks_run_in_the_order_of_their_stacked_parameters():
    x = normal(0, 1, 4, 4, 4)
    module = BlockStack(ResidualBottleneck, 3)
    params = randomized(module, x)
    assert params["blocks"]["reduce"]["kernel"].shape == (3, 1, 1, 4, 2)
    expected = x
    for block in range(3):
        own = jax.tree.map(lambda leaf, block=block: leaf[block], params["blocks"])
        expected = ResidualBottleneck().apply({"params": own}, expected)
    assert_close(module.apply({"params": params}, x), expected)


def test_blocks_in_a_row_begin_different():
    kernels = BlockStack(ResidualBottleneck, 2).init(jax.random.key(0), jnp.zeros((1, 4, 4, 8)))["params"]["blocks"]
    assert (kernels["reduce"]["kernel"][0] != kernels["reduce"]["kernel"][1]).all()


def test_no_blocks_are_the_identity_and_have_no_parameters():
    x = normal(0, 1, 4, 4, 4)
    output, variables = BlockStack(NAFBlock, 0).init_with_output(jax.random.key(0), x)
    assert output is x
    assert variables == {}


class Doubling(nn.Module):
    """A block that no lowering knows."""

    @nn.compact
    def __call__(self, x, region=None):
        del region
        return x + self.param("factor", nn.initializers.ones, ()) * x


@pytest.mark.parametrize("gradients", [False, True])
def test_a_block_of_a_users_own_runs_on_large_planes(gradients):
    module, shape = BlockStack(Doubling, 3), (1, 2048, 2048, 2)
    assert rows_in_strip(*shape[1:3]) is not None  # where the package's own blocks go in strips
    params = {"blocks": {"factor": jnp.array([1.0, 2.0, 3.0])}}
    region = ValidRegion(jnp.array([32, 32]), (32, 32), gradients)
    run = lambda x: module.apply({"params": params}, x, region)  # noqa: E731
    assert jax.eval_shape(run, jax.ShapeDtypeStruct(shape, jnp.float32)).shape == shape
    np.testing.assert_allclose(run(jnp.ones((1, 64, 64, 2))), 24)


def test_a_block_of_a_users_own_runs_on_a_gpu(monkeypatch):
    monkeypatch.setattr(platform, "on_gpu", lambda: True)
    params = {"blocks": {"factor": jnp.array([1.0, 2.0])}}
    np.testing.assert_allclose(BlockStack(Doubling, 2).apply({"params": params}, jnp.ones((1, 4, 4, 2))), 6)
