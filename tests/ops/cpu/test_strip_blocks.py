"""Blocks in strips are the blocks: whatever the strip's height, the image's place in its bucket, and the batch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.blocks.layers import NAFBlock, ResidualBottleneck
from cca_jax.ops.cpu.strip_blocks import naf_block, residual_bottleneck
from cca_jax.ops.cpu.strips import rows_in_strip
from cca_jax.ops.valid_region import ValidRegion, masked


@pytest.mark.parametrize(("block", "in_strips"), [(NAFBlock, naf_block), (ResidualBottleneck, residual_bottleneck)])
@pytest.mark.parametrize("sides", [(2, 3), (1, 2)])
def test_a_block_in_strips_is_the_block(block, in_strips, sides):
    generator = np.random.default_rng(0)
    x = jnp.asarray(generator.normal(size=(2, 8, 6, 4)), jnp.float32)
    params = jax.eval_shape(block().init, jax.random.key(0), x)["params"]
    params = jax.tree.map(lambda leaf: jnp.asarray(generator.normal(size=leaf.shape), jnp.float32), params)
    region = ValidRegion(jnp.array(sides), (2, 3))
    expected = masked(block().apply({"params": params}, x, region), region)
    for rows in (1, 4, 8):
        actual = masked(in_strips(params, x, region, rows), region)
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


@pytest.fixture
def wide_types():
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.mark.usefixtures("wide_types")
@pytest.mark.parametrize(("block", "in_strips"), [(NAFBlock, naf_block), (ResidualBottleneck, residual_bottleneck)])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_a_program_that_asks_for_wide_types_can_code(block, in_strips, dtype):
    x = jnp.ones((1, 4, 4, 4), dtype)
    params = jax.eval_shape(block().init, jax.random.key(0), x)["params"]
    params = jax.tree.map(lambda leaf: jnp.full(leaf.shape, 0.1, jnp.float32), params)
    region = ValidRegion(jnp.array((1, 1), jnp.int32), (1, 1))
    actual = in_strips(params, x, region, 2)
    expected = block().apply({"params": params}, x, region)
    assert actual.dtype == expected.dtype
    np.testing.assert_allclose(actual.astype(float), expected.astype(float), rtol=2e-2 if dtype == "bfloat16" else 1e-5)


def test_averages_over_many_strips_keep_their_digits_in_bfloat16():
    generator = np.random.default_rng(0)
    x = jnp.asarray(generator.normal(size=(1, 256, 64, 4)), jnp.bfloat16)
    params = jax.eval_shape(NAFBlock().init, jax.random.key(0), x)["params"]
    params = jax.tree.map(lambda leaf: jnp.asarray(generator.normal(size=leaf.shape), jnp.float32), params)
    # Gates that are all positive: a sum in bfloat16 stops growing once it is 256 times what is added.
    params["depthwise"] = {"kernel": 0 * params["depthwise"]["kernel"], "bias": 1 + 0 * params["depthwise"]["bias"]}
    region = ValidRegion(jnp.array((64, 16)), (64, 16))
    exact = NAFBlock().apply({"params": params}, x.astype(jnp.float32), region)
    errors = [
        float(jnp.sqrt(jnp.mean((block.astype(jnp.float32) - exact) ** 2) / jnp.mean(exact**2)))
        for block in (NAFBlock().apply({"params": params}, x, region), naf_block(params, x, region, 1))
    ]
    assert errors[1] < 1.5 * errors[0]


@pytest.mark.parametrize(
    ("height", "width", "rows"), [(256, 384, 2), (128, 192, 4), (64, 96, 8), (96, 64, 16), (32, 48, None), (63, 999, 1)]
)
def test_strips_divide_the_plane_and_fit_the_cache(height, width, rows):
    assert rows_in_strip(height, width) == rows
