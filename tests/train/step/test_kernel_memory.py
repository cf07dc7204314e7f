"""`--kernel-memory` reaches the compiler of both kinds of step."""

import dataclasses
import sys

import jax
import pytest

from train.step import compiled, compiled_window
from train.step.mesh import make_mesh


@pytest.mark.parametrize("memory", [None, 0, 12])
@pytest.mark.parametrize(("module", "compile_it"), [(compiled, "compile_step"), (compiled_window, "compile_window")])
def test_a_step_is_compiled_as_the_run_asks(module, compile_it, memory, train_config, monkeypatch):
    jitted = []
    monkeypatch.setattr(compiled, "compiler_options", lambda sharding, memory: {"memory": memory})
    monkeypatch.setattr(jax, "jit", lambda function, **how: jitted.append(how) or function)
    for cached in (compiled.compile_step, compiled_window._compiled):
        monkeypatch.setattr(sys.modules[cached.__module__], cached.__name__, cached.__wrapped__)  # keeps nothing
    config = dataclasses.replace(train_config, kernel_memory=memory)
    getattr(module, compile_it)(config, 10, make_mesh(jax.devices()[:1]))
    assert jitted[-1]["compiler_options"] == {"memory": memory}
