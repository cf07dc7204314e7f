"""What went wrong on a device, by the only sign that XLA gives: the words of its error."""

from __future__ import annotations


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, the device's or the machine's."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "RESOURCE_EXHAUSTED" in str(error))
