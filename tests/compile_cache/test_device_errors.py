import subprocess
from pathlib import Path

import jax
import pytest

from cca_jax.compile_cache.device_errors import is_out_of_kernel_memory, is_out_of_memory

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes"), True),
        (RuntimeError("INTERNAL: something else"), False),
        (ValueError("RESOURCE_EXHAUSTED"), False),
    ],
)
def test_the_words_of_xla(error, expected):
    assert is_out_of_memory(error) == expected


def test_a_kernels_memory_is_told_from_the_devices():
    of_kernel = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: E1001: CompileTimeScopedVmemOom:\nRan out of memory")
    assert is_out_of_kernel_memory(of_kernel)
    assert is_out_of_memory(of_kernel)
    assert not is_out_of_kernel_memory(
        jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes")
    )


def test_they_are_looked_for_in_one_place():
    actual = subprocess.run(
        ["grep", "-rl", "--include=*.py", "RESOURCE_EXHAUSTED", "cca_jax", "train", "eval", "bench"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert actual == ["cca_jax/compile_cache/device_errors.py"]
