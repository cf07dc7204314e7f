"""Where a kernel ends, and how what it writes lies in memory.

Left to itself, a GPU's compiler may lay an array out for the sums that are taken of it, positions last. Then what reads
an array's neighbours ends up in other kernels than what made it: a convolution's shifted views are all written.
"""

from __future__ import annotations

from jax import lax
from jaxtyping import Array

from cca_jax.ops.layout import last_axis_last


def stored(x: Array) -> Array:
    """x, written to main memory in its own type with the last axis last; not to be differentiated."""
    return last_axis_last(lax.optimization_barrier(x))
