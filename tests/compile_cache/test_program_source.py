"""Whatever a step reaches is known by its source, or its programs are not kept."""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import flax.linen as nn
import jax
import pytest

from cca_jax.codec.tiles import tile_coder
from cca_jax.compile_cache import environment
from cca_jax.compile_cache.program_source import OWN, source_of
from cca_jax.model.blocks import layers
from cca_jax.model.cca import CCAModel
from cca_jax.model.coding import coding_steps
from cca_jax.model.parts import naf, slice_model
from cca_jax.ops.layers import convolution
from cca_jax.ops.likelihoods import density

ROOT = Path(__file__).parents[2]
STEPS = {name: step for name, step in vars(coding_steps).items() if hasattr(step, "lower") and callable(step)}


def sources(config, steps=STEPS):
    model = CCAModel(config)
    return {name: source_of(step, (model, 1)) for name, step in steps.items()}


def test_all_steps_of_all_models_are_known(micro, micro_lite):
    for config in (micro, micro_lite):
        actual = sources(config)
        assert None not in actual.values()
        assert len(set(actual.values())) == len(actual)
        assert sources(config) == actual
    assert sources(micro) != sources(micro_lite)


def test_the_steps_are_those_that_the_codec_runs():
    used = {name for name in STEPS if re.search(rf"coding_steps\.{name}\b", Path(tile_coder.__file__).read_text())}
    assert used == set(STEPS) - {"indexes", "dequantize", "to_symbols"}


def test_what_is_digested_is_what_counts_as_our_own():
    package = Path(environment.__file__).parents[1]
    names = {".".join(("cca_jax", *path.relative_to(package).with_suffix("").parts)) for path in environment._SOURCES}
    assert names == set(OWN)


TELL = """
import sys
from cca_jax.compile_cache.program_source import source_of
from cca_jax.config import PRESETS
from cca_jax.model.coding import coding_steps
from cca_jax.model.cca import CCAModel
if sys.argv[1] == "more":
    import cca_jax, cca_jax.convert, cca_jax.model.coding.tables, cca_jax.model.parameters.initialize
    import cca_jax.objective.loss
print(source_of(coding_steps.analyze, (CCAModel(PRESETS["lite"]),)))
"""


def test_every_process_finds_the_same_whatever_else_it_imports():
    actual = {
        subprocess.run([sys.executable, "-c", TELL, more], capture_output=True, text=True, check=True).stdout
        for more in ("more", "nothing more")
    }
    assert len(actual) == 1
    assert "None" not in actual.pop()


SOME = {name: STEPS[name] for name in ("analyze", "hyper_analyze", "predict") if name in STEPS}


def softplus(x):
    return jax.nn.softplus(x)


@functools.wraps(layers.gelu)
def disguised(*arguments):
    return jax.nn.softplus(*arguments)


def functions_of(module):
    """Names of a module's own functions and of what it imported of functions."""
    return [name for name, value in vars(module).items() if callable(value) and not isinstance(value, type)]


@pytest.mark.parametrize(
    "replacement", [softplus, disguised, lambda x: x, functools.partial(softplus), jax.jit(softplus)]
)
@pytest.mark.parametrize("module", [layers, slice_model, convolution])
def test_a_function_that_is_patched_in_is_not_ours(micro, monkeypatch, module, replacement):
    before, changed = sources(micro, SOME), 0
    for name in functions_of(module):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, replacement)
            after = sources(micro, SOME)
            assert all(source in (None, before[step]) for step, source in after.items())
            changed += after != before
    assert sources(micro, SOME) == before
    assert changed


def test_another_function_of_a_known_library_is_another_source(micro, monkeypatch):
    before = sources(micro, SOME)
    for module, name in ((layers, "gelu"), (layers, "simple_gate"), (nn, "relu"), (nn, "gelu"), (nn, "scan")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, jax.nn.softplus)
            after = sources(micro, SOME)
            assert None not in after.values()
            assert (after != before) == (name != "scan"), name  # flax.linen's scan no step of it names


def test_methods_and_numbers_that_are_patched_in_are_seen(micro, monkeypatch):
    before = sources(micro)
    blocks = [value for value in vars(layers).values() if isinstance(value, type) and issubclass(value, nn.Module)]
    seen = 0
    for block in {block for block in blocks if block.__module__ == layers.__name__ and "__call__" in vars(block)}:
        with monkeypatch.context() as patch:
            patch.setattr(block, "__call__", softplus)
            seen += None in sources(micro).values()
    assert seen
    with monkeypatch.context() as patch:
        patch.setattr(density, "SCALE_FLOOR", 0.5)
        assert sources(micro) != before
    assert sources(micro) == before


def test_a_class_of_somebody_elses_is_not_ours(micro, monkeypatch):
    class MyModel(CCAModel):
        pass

    assert source_of(coding_steps.analyze, (MyModel(micro),)) is None
    classes = [name for name, value in vars(naf).items() if isinstance(value, type)]
    refused = []
    for name in (name for name in classes if issubclass(getattr(naf, name), nn.Module)):
        with monkeypatch.context() as patch:
            patch.setattr(naf, name, type(name, (getattr(naf, name),), {"__module__": __name__}))
            refused += [name] if None in sources(micro, SOME).values() else []
    assert {"Conv", "NAFBlock", "ResidualBottleneck"} <= set(refused)


def test_a_step_of_somebody_elses_is_not_ours():
    assert source_of(jax.jit(softplus), ()) is None
    assert source_of(jax.jit(jax.nn.softplus), ()) is not None


RUN = """
import hashlib, sys
from concurrent.futures import ThreadPoolExecutor
import flax, jax, numpy as np
from cca_jax.compile_cache import programs
from cca_jax.model.blocks import layers
from cca_jax.model.parts import naf, slice_model
from cca_jax.model.coding import coding_steps
from cca_jax.model.cca import CCAModel
from tests.conftest import MICRO, lively_params
patch = sys.argv[1]
if patch == "a known function":
    flax.linen.relu = jax.nn.softplus
if patch == "a function":
    flax.linen.relu = lambda x: jax.nn.softplus(x)
if patch == "a class":
    class Block(layers.ResidualBottleneck):
        def __call__(self, x, region=None):
            return super().__call__(x, region) + 1.0
    naf.ResidualBottleneck = Block
image = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
arguments = (CCAModel(MICRO), lively_params(MICRO), image, None)
with ThreadPoolExecutor(1) as threads:
    programs.prepare(coding_steps.analyze, arguments, threads)
print(hashlib.sha256(np.asarray(programs.find(coding_steps.analyze, arguments)()).tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_no_process_runs_the_program_of_another_source(tmp_path):
    def run(patch, cache):
        environment = {
            **os.environ,
            "JAX_COMPILATION_CACHE_DIR": str(tmp_path / cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }
        command = [sys.executable, "-c", RUN, patch]
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    own = run("nothing", "shared")
    entries = set((tmp_path / "shared").glob("cca_*"))
    assert entries
    assert run("nothing", "shared") == own
    assert set((tmp_path / "shared").glob("cca_*")) == entries
    for number, patch in enumerate(("a known function", "a function", "a class")):
        assert own != run(patch, "shared") == run(patch, str(number))
