import jax
import jax.numpy as jnp
import numpy as np

from cca_jax.model.layers import NAFBlock, ResidualBottleneck
from cca_jax.model.stacks import BlockStack, NAFStack


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
