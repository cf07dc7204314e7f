"""What to say where a run's memory ran out."""

from __future__ import annotations

from cca_jax.compile_cache.device_errors import is_out_of_kernel_memory, is_out_of_memory


def describe_memory_error(error: RuntimeError, remedies: str) -> str:
    """One line: which memory ran out, and what helps.

    Args:
        error: what happened; where it is not for want of memory, it is raised again.
        remedies: what helps where it is the device's main memory, as "try …".
    """
    if not is_out_of_memory(error):
        raise error
    if is_out_of_kernel_memory(error):
        return (
            "a kernel of this run takes more on-chip memory than --kernel-memory allows: allow more (16), or what the "
            "compiler chooses (0)"
        )
    return f"the device's memory is too small for this run: {remedies}"
