"""What compilers are asked for."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import SingleDeviceSharding

from cca_jax.compile_cache import options as subject
from cca_jax.ops.layers.convolution import conv2d, depthwise_conv2d
from cca_jax.ops.platform import tracing_for
from train.plan.accelerators.topology import described_devices, parse_topology


@pytest.fixture(scope="module")
def here():
    return SingleDeviceSharding(jax.devices("cpu")[0])


@pytest.fixture(scope="module")
def there():
    """A TPU that is only described."""
    pytest.importorskip("libtpu")
    return SingleDeviceSharding(described_devices(parse_topology("v5e:1x1")).flat[0])


def test_a_cpu_is_asked_for_nothing(here):
    assert subject.compiler_options(here) == subject.compiler_options(here, quick=True) == {}


def test_what_a_compiler_does_not_know_is_left_out(here, monkeypatch):
    known, unknown = {"xla_cpu_enable_fast_min_max": True}, {"xla_no_such_option": "ENABLED"}
    monkeypatch.setattr(subject, "_BY_PLATFORM", {"cpu": known | unknown, "tpu": unknown})
    assert subject.compiler_options(here) == known


def test_what_is_quick_to_compile_is_asked_for_beside_it(here, monkeypatch):
    always, quick = {"xla_cpu_enable_fast_min_max": True}, {"xla_backend_optimization_level": "1"}
    monkeypatch.setattr(subject, "_BY_PLATFORM", {"cpu": always})
    monkeypatch.setattr(subject, "_QUICK", {"cpu": quick})
    assert subject.compiler_options(here) == always
    assert subject.compiler_options(here, quick=True) == always | quick


def test_a_compiler_that_cannot_be_quick_is_told_of(here, monkeypatch):
    monkeypatch.setattr(subject, "_QUICK", {"cpu": {"xla_no_such_option": "1"}})
    with pytest.raises(ValueError, match="does not know xla_no_such_option"):
        subject.compiler_options(here, quick=True)
    assert subject.compiler_options(here) == {}


@pytest.mark.aot
def test_a_tpu_keeps_kernels_that_are_alike_once(there):
    def network(kernels, x):
        for kernel in kernels:
            with tracing_for("tpu"):
                x = conv2d(x, kernel)
        return x

    x = jax.ShapeDtypeStruct((8, 16, 16, 128), jnp.bfloat16, sharding=there)
    kernels = [jax.ShapeDtypeStruct((3, 3, 128, 128), jnp.float32, sharding=there)] * 8
    lowered = jax.jit(network).lower(kernels, x)
    options = subject.compiler_options(there)
    as_asked, by_default = (lowered.compile(compiler_options=asked) for asked in (options, {}))
    assert code_size(as_asked) < 0.6 * code_size(by_default)


@pytest.mark.aot
def test_a_tpu_compiles_less_where_it_shall_be_quick(there):
    def network(x, kernel):
        with tracing_for("tpu"):
            return depthwise_conv2d(x, kernel)

    x = jax.ShapeDtypeStruct((1, 128, 128, 384), jnp.bfloat16, sharding=there)
    kernel = jax.ShapeDtypeStruct((3, 3, 384), jnp.float32, sharding=there)
    lowered = jax.jit(network).lower(x, kernel)
    slow, quick = (lowered.compile(compiler_options=subject.compiler_options(there, quick)) for quick in (False, True))
    assert code_size(quick) < 0.8 * code_size(slow)


def code_size(compiled):
    return compiled.memory_analysis().generated_code_size_in_bytes
