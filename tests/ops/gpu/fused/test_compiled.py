"""A block compiled for a GPU that is not there; `make test-aot` runs this."""

import importlib.util

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import SingleDeviceSharding

from cca_jax.ops.gpu import blocks
from cca_jax.ops.gpu.fused.trial import drawn_block, with_gradients
from cca_jax.ops.platform import tracing_for
from train.plan.accelerators.topology import described_devices, parse_topology

pytestmark = pytest.mark.aot


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("shape", [(2, 4, 4, 16), (2, 32, 32, 192), (2, 16, 16, 224), (2, 12, 20, 240), (2, 8, 8, 256)])
def test_all_widths_compile_for_an_h100_as_six_kernels(shape, members):
    if importlib.util.find_spec("jax_cuda12_plugin") is None:
        pytest.skip("the compiler's package is not installed")
    device = described_devices(parse_topology("h100:1")).flat[0]
    sharding = SingleDeviceSharding(device)

    def block(params, x):
        with tracing_for(device):
            return blocks.naf_block(params, x)

    params, x = drawn_block(*shape)
    arguments = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct((members, *leaf.shape), leaf.dtype, sharding=sharding), (params, x, x)
    )
    compiled = jax.jit(jax.vmap(with_gradients(block))).lower(*arguments).compile()
    assert compiled.as_text().count('custom_call_target="__gpu$xla.gpu.triton"') == 6
    assert jax.eval_shape(jax.vmap(block), *arguments[:2]).dtype == jnp.bfloat16
