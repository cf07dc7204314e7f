"""A saved state in the other layout: an optimizer's state as vectors to that of arrays, and back, in NumPy.

A state of vectors has a vector where one of arrays has a tree of them; all else is at the same places in both.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import jax
import numpy as np

from train.step.state import TrainState


def convert(state: TrainState, like: TrainState) -> TrainState:
    """A state of NumPy arrays in the layout of `like`.

    Args:
        state: in either layout.
        like: shapes of the same run's state in the other.
    """
    other = _split if like.layout == "arrays" else _join
    packed = {name: other(getattr(state, name), getattr(like, name)) for name in ("optimizer", "average")}
    return dataclasses.replace(state, layout=like.layout, **packed)


def _split(vectors: Any, like: Any) -> Any:
    return jax.tree.map(_split_one, vectors, like)


def _split_one(vector: np.ndarray, like: Any) -> Any:
    if isinstance(like, jax.ShapeDtypeStruct):
        return vector
    leaves, structure = jax.tree.flatten(like)
    edges = [0, *itertools.accumulate(math.prod(leaf.shape) for leaf in leaves)]
    parts = [vector[a:b].reshape(leaf.shape) for (a, b), leaf in zip(itertools.pairwise(edges), leaves, strict=True)]
    return structure.unflatten(parts)


def _join(arrays: Any, like: Any) -> Any:
    return jax.tree.map(lambda leaf, part: _join_one(part) if leaf.ndim else part, like, arrays)


def _join_one(arrays: Any) -> np.ndarray:
    return np.concatenate([np.ravel(array) for array in jax.tree.leaves(arrays)])
