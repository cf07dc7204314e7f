"""Strictness for every test, and the smallest model that has every part.

Ranks are never promoted, and the annotations of the pure functions and of the layers are checked at every call. The
modules that define pytrees are left out of that: JAX rebuilds those with leaves that are no arrays.
"""

import dataclasses
import gc
import os
import random
import subprocess
import sys
import time
from pathlib import Path

# Before JAX is imported, and for subprocesses too.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".cache" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")

from jaxtyping import install_import_hook

_LIBRARY = Path(__file__).parents[1] / "cca_jax"
_PYTREES = {"valid_region"}
_CHECKED = (
    *(f"ops.{path.stem}" for path in (_LIBRARY / "ops").glob("*.py") if path.stem not in _PYTREES | {"__init__"}),
    *(f"ops.{room}" for room in ("layers", "likelihoods", "quantization")),
    *(f"model.integer_network.{name}" for name in ("arithmetic", "layers", "context", "scales")),
    # Not `rates`: like `valid_region` it defines a pytree, whose leaves need not be arrays.
    *(f"model.blocks.{name}" for name in ("layers", "priors")),
    *(f"model.parts.{name}" for name in ("naf", "padded_slices", "slice_model", "slice_networks", "slice_steps")),
)
for _name in _CHECKED:
    _place = _LIBRARY / _name.replace(".", "/")
    assert _place.is_dir() or _place.with_suffix(".py").is_file(), f"{_place}: moved, so nothing of it is checked"
install_import_hook([f"cca_jax.{name}" for name in _CHECKED], "beartype.beartype")

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.compile_cache.held import crowded
from cca_jax.config import ModelConfig
from cca_jax.model.cca import CCAModel, Noise
from cca_jax.model.parameters.initialize import initial_params
from cca_jax.model.parameters.shapes import flatten, unflatten

jax.config.update("jax_numpy_rank_promotion", "raise")

MICRO = ModelConfig(
    latent_channels=12,
    hyper_channels=4,
    transform_channels=(4, 4, 6),
    transform_blocks=(0, 0, 1),
    bottleneck_blocks=1,
    context_channels=4,
    context_blocks=0,
    head_channels=(4, 4),
    num_slices=3,
)
MICRO_LITE = dataclasses.replace(
    MICRO,
    rate_weights=(8.0, 2.0, 0.5),
    scale_source="hyperprior_exact",
    scale_channels=4,
    latent_density="laplacian",
)

MICRO_CONTEXT = dataclasses.replace(MICRO_LITE, scale_source="context_exact", scale_context_channels=8)


def pytest_configure(config):
    # Two runs that share a cache may meet in one of its files; JAX then compiles as if it were not there.
    config.addinivalue_line("filterwarnings", "ignore:Error (reading|writing) persistent compilation cache:UserWarning")


@pytest.fixture(scope="module", autouse=True)
def room_for_programs():
    """Gives all compiled programs back after a file, where the codec would give back some of its own (`held`)."""
    yield
    if crowded(0):
        jax.clear_caches()
        gc.collect()


@pytest.fixture(scope="module")
def quick_compilation():
    """Compiles with few optimisations: a third of the time for the gradients of a whole model."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture
def killed(tmp_path):
    """Runs Python code in a process that is killed at some moment after it printed its first line."""

    def run(code, *arguments, seconds=0.3):
        command = [sys.executable, "-c", code, *map(str, arguments)]
        with open(tmp_path / "errors of a killed process", "w+") as errors:
            process = subprocess.Popen(command, cwd=_LIBRARY.parent, stdout=subprocess.PIPE, stderr=errors)
            try:
                begun = process.stdout.readline()
                time.sleep(random.uniform(0, seconds))
                ended = process.poll()
                errors.seek(0)
                assert begun, errors.read()
                assert ended is None, f"it ended by itself: {errors.read()}"
            finally:
                process.kill()
                process.wait()
                process.stdout.close()

    return run


@pytest.fixture(scope="session")
def micro():
    """The configuration of the smallest model that has every part."""
    return MICRO


@pytest.fixture(scope="session")
def micro_model():
    return CCAModel(MICRO)


@pytest.fixture(scope="session")
def micro_params():
    return lively_params(MICRO)


@pytest.fixture(scope="session")
def micro_lite():
    """The same with three rates and exact scales."""
    return MICRO_LITE


@pytest.fixture(scope="session")
def micro_lite_params():
    return lively_params(MICRO_LITE)


@pytest.fixture(scope="session")
def micro_context():
    """The same with scales that also read the decoded slices' symbols."""
    return MICRO_CONTEXT


@pytest.fixture(scope="session")
def micro_context_params():
    return lively_params(MICRO_CONTEXT)


@pytest.fixture(scope="session")
def draw_lively():
    """Such parameters for other configurations."""
    return lively_params


def lively_params(config):
    """Parameters under which every part matters: nothing is 0, dead or on its bound, and symbols are not all 0."""
    generator = np.random.default_rng(0)
    arrays = flatten(initial_params(config, seed=0))
    for name, array in arrays.items():
        if name.endswith(("/beta", "/gamma")) or "/factor_" in name:
            arrays[name] = generator.normal(0, 0.5, array.shape).astype(np.float32)
        if name.endswith(("analysis/down_3/kernel", "hyper_analysis/last/kernel")):
            arrays[name] = 10 * array
        if name.endswith("/quantiles"):
            arrays[name] = array + generator.uniform(-0.5, 0.5, array.shape).astype(np.float32)
        if "/bottlenecks_" in name and name.endswith(("reduce/bias", "spatial/bias")):
            arrays[name] = array + np.float32(0.5)
        if name.endswith("/head/last/bias") and config.scale_source == "context":  # of the mean and of the scale
            arrays[name] = array + np.float32([[0], [4]])
        if name == "exact_scales/last/bias":  # else some tables are far too narrow for their symbols
            arrays[name] = array + np.float32(1.0)
        if "exact_scales/context_" in name and name.endswith("/kernel"):  # so strong that indexes move
            arrays[name] = generator.normal(0, 0.3, array.shape).astype(np.float32)
        if name == "rates/log_step":  # no two channels alike
            arrays[name] = array + generator.normal(0, 0.1, array.shape[1:]).astype(np.float32)
    return jax.tree.map(jnp.asarray, unflatten(arrays))


@pytest.fixture(scope="session")
def micro_image():
    """Two images [2, 64, 64, 3] in [0, 1]."""
    return jnp.asarray(np.random.default_rng(1).random((2, 64, 64, 3), np.float32))


@pytest.fixture(scope="session")
def micro_noise(micro_image):
    return Noise.sample(jax.random.key(2), MICRO, micro_image.shape)
