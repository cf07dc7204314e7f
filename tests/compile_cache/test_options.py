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
    assert (
        subject.compiler_options(here)
        == subject.compiler_options(here, 8)
        == subject.compiler_options(here, None)
        == {}
    )


def test_what_a_compiler_does_not_know_is_left_out_and_told_of(here, monkeypatch, caplog):
    for cached in (subject._known, subject._say_once):
        cached.cache_clear()
    known, unknown = {"xla_cpu_enable_fast_min_max": True}, {"xla_no_such_option": "ENABLED"}
    monkeypatch.setattr(subject, "_BY_PLATFORM", {"cpu": known | unknown, "tpu": unknown})
    assert subject.compiler_options(here) == known
    assert "does not know xla_no_such_option=ENABLED" in caplog.text


def test_kernels_memory_is_asked_for_in_kib_beside_the_rest(here, monkeypatch):
    always = {"xla_cpu_enable_fast_min_max": True}
    monkeypatch.setattr(subject, "_BY_PLATFORM", {"cpu": always})
    monkeypatch.setattr(subject, "_KERNEL_MEMORY", {"cpu": "xla_backend_optimization_level"})  # any with a number
    assert subject.compiler_options(here) == subject.compiler_options(here, kernel_memory=0) == always
    assert subject.compiler_options(here, kernel_memory=8) == always | {"xla_backend_optimization_level": "8192"}


def test_kernels_memory_suits_the_chip_unless_it_is_stated(here, monkeypatch):
    name = "xla_backend_optimization_level"
    monkeypatch.setattr(subject, "_KERNEL_MEMORY", {"cpu": name})
    assert subject.compiler_options(here, None) == {name: "8192"}
    monkeypatch.setattr(subject, "_MEBIBYTES", {here._device.device_kind: 6})
    assert subject.compiler_options(here, None) == {name: "6144"}
    assert subject.compiler_options(here, 12) == {name: "12288"}


def test_a_limit_that_the_compiler_does_not_know_is_an_error_where_it_is_stated(here, monkeypatch):
    monkeypatch.setattr(subject, "_KERNEL_MEMORY", {"cpu": "xla_no_such_limit"})
    assert subject.compiler_options(here, None) == {}
    with pytest.raises(ValueError, match="does not take xla_no_such_limit=8192: state another kernel memory, or none"):
        subject.compiler_options(here, 8)


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
def test_kernels_of_a_tpu_with_less_memory_are_less_code(there):
    def network(x, kernel):
        with tracing_for("tpu"):
            return depthwise_conv2d(x, kernel)

    x = jax.ShapeDtypeStruct((1, 128, 128, 384), jnp.bfloat16, sharding=there)
    kernel = jax.ShapeDtypeStruct((3, 3, 384), jnp.float32, sharding=there)
    lowered = jax.jit(network).lower(x, kernel)
    by_default, limited = (
        lowered.compile(compiler_options=subject.compiler_options(there, memory)) for memory in (0, None)
    )
    assert code_size(limited) < 0.8 * code_size(by_default)


def code_size(compiled):
    return compiled.memory_analysis().generated_code_size_in_bytes
