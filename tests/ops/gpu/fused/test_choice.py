import jax.numpy as jnp
import pytest

from cca_jax.ops import platform
from cca_jax.ops.gpu import blocks
from cca_jax.ops.gpu.fused import choice, naf_block
from cca_jax.ops.gpu.fused.choice import takes


def plane(height=16, width=16, channels=192, dtype=jnp.bfloat16):
    return jnp.zeros((1, height, width, channels), dtype)


@pytest.fixture(autouse=True)
def hopper(monkeypatch):
    """Programs are for an H100 in this host."""
    monkeypatch.setattr(platform, "compute_capability", lambda: (9, 0))
    monkeypatch.setattr(platform, "of_host", lambda: "gpu")
    monkeypatch.setattr(choice, "_refused", [])


def test_planes_of_the_papers_widths_are_taken():
    assert all(takes(plane(channels=channels)) for channels in (16, 64, 96, 192, 224, 256))
    assert takes(plane(4, 4))


@pytest.mark.parametrize(
    "x", [plane(channels=76), plane(channels=320), plane(6, 6), plane(dtype=jnp.float32)], ids=lambda x: str(x.shape)
)
def test_others_are_left_to_the_compiler(x):
    assert not takes(x)


@pytest.mark.parametrize("capability", [(), (8, 0), (10, 0), (12, 0)])
def test_so_are_all_on_other_chips(capability, monkeypatch):
    monkeypatch.setattr(platform, "compute_capability", lambda: capability)
    assert not takes(plane())


def test_so_are_all_where_the_environment_says_so(monkeypatch):
    monkeypatch.setenv(choice.SWITCH, "off")
    assert not takes(plane())
    monkeypatch.setenv(choice.SWITCH, "on")
    assert takes(plane())
    monkeypatch.setenv(choice.SWITCH, "OFF")
    with pytest.raises(ValueError, match="CCA_JAX_GPU_KERNELS is 'OFF': say on or off"):
        takes(plane())


def test_once_refused_they_are_not_used_again():
    assert takes(plane())
    choice.refuse("they are wrong")
    assert not takes(plane())


def test_a_chip_that_is_only_described_has_them_where_jax_does_not_ask_it(monkeypatch):
    from jax.experimental.pallas import triton

    monkeypatch.setattr(platform, "of_host", lambda: "cpu")
    monkeypatch.delattr(triton, "get_gpu_info", raising=False)
    assert takes(plane())
    monkeypatch.setattr(triton, "get_gpu_info", None, raising=False)
    assert not takes(plane())


def test_a_block_is_these_kernels_where_they_take_it(monkeypatch):
    monkeypatch.setattr(naf_block, "naf_block", lambda params, x: "fused")
    assert blocks.naf_block({}, plane()) == "fused"
