import jax
import pytest

from train.run.memory_errors import describe_memory_error

DEVICE = "RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes"
KERNEL = "RESOURCE_EXHAUSTED: E1001: CompileTimeScopedVmemOom:\nRan out of memory"


@pytest.mark.parametrize(
    ("words", "remedies", "line"),
    [
        (DEVICE, "try less", "the device's memory is too small for this run: try less"),
        (KERNEL, "try less", "a kernel of this run takes more on-chip memory than --kernel-memory allows: allow more "
                             "(16), or what the compiler chooses (0)"),
    ],
)  # fmt: skip
def test_it_says_which_memory_and_what_helps(words, remedies, line):
    assert describe_memory_error(jax.errors.JaxRuntimeError(words), remedies) == line


def test_other_errors_are_raised_again():
    with pytest.raises(RuntimeError, match="INTERNAL"):
        describe_memory_error(RuntimeError("INTERNAL: something else"), "try less")
