"""Blocks in strips are the blocks: whatever the strip's height, the image's place in its bucket, and the batch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.extent import Extent, masked
from cca_jax.model.in_strips import naf_block, residual_bottleneck
from cca_jax.model.layers import NAFBlock, ResidualBottleneck
from cca_jax.ops.strips import rows_in_strip


@pytest.mark.parametrize(("block", "in_strips"), [(NAFBlock, naf_block), (ResidualBottleneck, residual_bottleneck)])
@pytest.mark.parametrize("sides", [(2, 3), (1, 2)])
def test_a_block_in_strips_is_the_block(block, in_strips, sides):
    generator = np.random.default_rng(0)
    x = jnp.asarray(generator.normal(size=(2, 8, 6, 4)), jnp.float32)
    params = jax.eval_shape(block().init, jax.random.key(0), x)["params"]
    params = jax.tree.map(lambda leaf: jnp.asarray(generator.normal(size=leaf.shape), jnp.float32), params)
    extent = Extent(jnp.array(sides), (2, 3))
    expected = masked(block().apply({"params": params}, x, extent), extent)
    for rows in (1, 4, 8):
        found = masked(in_strips(params, x, extent, rows), extent)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("height", "width", "rows"), [(256, 384, 2), (128, 192, 4), (64, 96, 8), (96, 64, 16), (32, 48, None), (63, 999, 1)]
)
def test_strips_divide_the_plane_and_fit_the_cache(height, width, rows):
    assert rows_in_strip(height, width) == rows
