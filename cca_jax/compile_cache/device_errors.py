"""What went wrong on a device, by the only sign that XLA gives: the words of its error."""

from __future__ import annotations


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, the device's or the machine's."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "RESOURCE_EXHAUSTED" in str(error))


def is_out_of_kernel_memory(error: BaseException) -> bool:
    """Whether a TPU's compiler found a kernel that takes more on-chip memory than it may (`kernel_memory`)."""
    return is_out_of_memory(error) and "ScopedVmem" in str(error)
