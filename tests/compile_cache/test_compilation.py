"""Which compiled steps may be kept: those that were compiled here, whatever ran in this process before."""

import os
import subprocess
import sys

PROCESS = """
import sys
import jax, jax.numpy as jnp, numpy as np
from cca_jax.compile_cache.compilation import compile_anew
from cca_jax.compile_cache.private_jax import load, serialize

@jax.jit
def step(x):
    return jnp.sin(jnp.cumsum(x**2)).reshape(8, -1) @ jnp.ones((8, 4))

x = np.arange(64, dtype=np.float32)
if sys.argv[1] == "called":
    step(x)
program, is_new = compile_anew(step.lower(x))
if is_new:
    loaded = load(*serialize(program), None)
    np.testing.assert_allclose(np.asarray(loaded(x)), np.asarray(step(x)), rtol=1e-6)
print(is_new)
"""


def process(folder, *words):
    variables = {
        "JAX_COMPILATION_CACHE_DIR": str(folder),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    command = [sys.executable, "-c", PROCESS, *words]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=True).stdout


def test_what_a_call_read_from_jax_s_cache_is_not_kept_under_another_name(tmp_path):
    # JAX also keeps executables in memory, by what was lowered: one that it read is given again without a word.
    process(tmp_path, "called")
    assert process(tmp_path, "called").split() == ["False"]


def test_a_step_that_was_compiled_here_loads(tmp_path):
    assert process(tmp_path, "not called").split() == ["True"]
