import jax.numpy as jnp
import pytest

from cca_jax.ops import platform
from cca_jax.ops.gpu import blocks
from cca_jax.ops.gpu.fused import naf_block, takes


def plane(height=16, width=16, channels=192, dtype=jnp.bfloat16):
    return jnp.zeros((1, height, width, channels), dtype)


@pytest.mark.parametrize("capability", [(9, 0), (10, 3)])
def test_planes_of_the_papers_widths_are_taken(capability, monkeypatch):
    monkeypatch.setattr(platform, "compute_capability", lambda: capability)
    assert all(takes(plane(channels=channels)) for channels in (16, 64, 96, 192, 224, 256))
    assert takes(plane(4, 4))


@pytest.mark.parametrize(
    "x", [plane(channels=76), plane(channels=320), plane(6, 6), plane(dtype=jnp.float32)], ids=lambda x: str(x.shape)
)
def test_others_are_left_to_the_compiler(x, monkeypatch):
    monkeypatch.setattr(platform, "compute_capability", lambda: (9, 0))
    assert not takes(x)


@pytest.mark.parametrize("capability", [(), (8, 0), (12, 0)])
def test_so_are_all_on_other_chips(capability, monkeypatch):
    monkeypatch.setattr(platform, "compute_capability", lambda: capability)
    assert not takes(plane())


def test_so_are_all_where_the_environment_says_so(monkeypatch):
    monkeypatch.setattr(platform, "compute_capability", lambda: (9, 0))
    monkeypatch.setenv("CCA_JAX_GPU_KERNELS", "off")
    assert not takes(plane())


def test_a_program_for_this_host_has_none():
    assert not takes(plane())


def test_a_block_is_these_kernels_where_they_take_it(monkeypatch):
    monkeypatch.setattr(platform, "compute_capability", lambda: (9, 0))
    monkeypatch.setattr(naf_block, "naf_block", lambda params, x: "fused")
    assert blocks.naf_block({}, plane()) == "fused"
