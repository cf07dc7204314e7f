"""How parameters lie before an optimizer: as one vector, or as an array each.

On a CPU five hundred arrays make half of a step's compile time, and thousands of kernels: there, what treats every
number alike sees one vector. On an accelerator it is the vector that costs: its concatenation, its copies and its
split into arrays again are four times the traffic of the update itself. A state knows its layout; checkpoints are
restored into either (`train.checkpoints.layouts`).
"""

from __future__ import annotations

from typing import Any, Literal

import jax
from jax.flatten_util import ravel_pytree

Layout = Literal["vector", "arrays"]


def pack(tree: Any, layout: Layout) -> Any:
    """A tree of arrays in a layout: all their numbers in one vector, or the tree as it is."""
    return ravel_pytree(tree)[0] if layout == "vector" else tree


def unpack(packed: Any, like: Any) -> Any:
    """The tree again, with the structure and the shapes of `like`."""
    return ravel_pytree(like)[1](packed) if is_vector(packed) else packed


def is_vector(packed: Any) -> bool:
    """Whether this is what `pack` made a vector of."""
    return isinstance(packed, jax.Array)
