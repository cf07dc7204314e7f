import jax
import jax.numpy as jnp

from cca_jax.ops import platform


class Described:
    """Stands for a device of a topology that is not here."""

    platform = "gpu"
    compute_capability = "10.3"


def test_programs_are_for_the_default_device_unless_said_otherwise():
    assert platform.of_program() == jax.default_backend()
    with jax.default_device(jax.devices("cpu")[0]):
        assert platform.of_program() == "cpu"


def test_a_device_that_is_only_described_counts(monkeypatch):
    monkeypatch.setattr(platform, "_default_device", Described)
    assert platform.of_program() == "gpu"
    assert platform.on_gpu()
    assert not platform.on_cpu()


def test_the_capability_is_that_of_the_programs_gpu(monkeypatch):
    with jax.default_device(jax.devices("cpu")[0]):
        assert platform.compute_capability() == ()
    monkeypatch.setattr(platform, "_default_device", Described)
    assert platform.compute_capability() == (10, 3)
    for named in ("gfx90a", "unknown", None):  # AMD's have names
        monkeypatch.setattr(Described, "compute_capability", named)
        assert platform.compute_capability() == ()
    monkeypatch.setattr(platform, "_default_device", lambda: "gpu")
    assert platform.compute_capability() == ()


def test_the_device_is_part_of_the_key_of_traces():
    seen = []

    @jax.jit
    def inner(x):
        seen.append(platform.of_program())
        return x

    @jax.jit
    def outer(x):
        with platform.tracing_for(jax.devices("cpu")[0]):
            return inner(x)

    inner(jnp.ones(1))
    outer(jnp.ones(1))
    inner(jnp.ones(1))
    assert len(seen) == 2  # once by default, once for the device; the third call found the first's trace
