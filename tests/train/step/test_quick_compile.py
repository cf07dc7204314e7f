"""`--quick-compile` reaches the compiler of both kinds of step."""

import dataclasses

import jax
import pytest

from train.step import compiled, compiled_window
from train.step.mesh import make_mesh


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize(("module", "compile_it"), [(compiled, "compile_step"), (compiled_window, "compile_window")])
def test_a_step_is_compiled_as_the_run_asks(module, compile_it, quick, train_config, monkeypatch):
    asked = []
    monkeypatch.setattr(module, "compiler_options", lambda sharding, quick: asked.append(quick) or {})
    # A length of its own: what is compiled for a length is kept.
    config, length = dataclasses.replace(train_config, quick_compile=quick), 7919
    getattr(module, compile_it)(config, length, make_mesh(jax.devices()[:1]))
    assert asked == [quick]
