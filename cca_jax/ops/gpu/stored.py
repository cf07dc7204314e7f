"""Where a kernel ends, and how what it writes lies in memory.

Left to itself, a GPU's compiler may lay an array out for the sums that are taken of it, positions last. Then what reads
an array's neighbours ends up in other kernels than what made it: a convolution's shifted views are all written.
"""

from __future__ import annotations

from typing import Any

import jax.experimental.layout
from jax import lax
from jaxtyping import Array

_layout: Any = jax.experimental.layout
_with_layout = getattr(_layout, "with_layout_constraint", None)
"""JAX 0.5 cannot state a layout: there, `stored` only says where a kernel ends."""


def stored(x: Array) -> Array:
    """x, written to main memory in its own type with the last axis last; not to be differentiated."""
    x = lax.optimization_barrier(x)
    return x if _with_layout is None else _with_layout(x, _layout.Layout(major_to_minor=tuple(range(x.ndim))))
