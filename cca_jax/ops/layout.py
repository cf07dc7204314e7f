"""How arrays lie in memory, where that is not left to the compiler."""

from __future__ import annotations

from typing import Any

import jax.experimental.layout
from jaxtyping import Array

_layout: Any = jax.experimental.layout
_with_layout = getattr(_layout, "with_layout_constraint", None)
"""JAX 0.5 cannot state a layout."""


def last_axis_last(x: Array) -> Array:
    """x, whose neighbours along the last axis lie beside each other; not to be differentiated."""
    return x if _with_layout is None else _with_layout(x, _layout.Layout(major_to_minor=tuple(range(x.ndim))))
