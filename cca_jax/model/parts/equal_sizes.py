"""Networks of slices brought to one size, that of the largest: then one program computes any of them.

Channels that a slice does not have get parameters of zero. What they compute is zero, and what they are given changes
nothing; a slice's context holds all slices that any slice sees, and those it must not see meet rows of zeros.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from cca_jax.config import ModelConfig
from cca_jax.model.recurrence import context_of, seen_slices

Places = Sequence[tuple[int, int]]
"""Runs of channels, one after the other: how many there are, and how many there are in the common size."""
_Rules = Mapping[tuple[str, ...], tuple[int, Places]]
"""By the path of a parameter: which axis holds channels that differ from slice to slice, and how they lie there."""


def context_places(config: ModelConfig, index: int, skip: int) -> Places:
    """What slice `index` is predicted from: the hyperprior's channels and those of the slices that it sees."""
    sizes, context = config.slice_sizes, context_of(config, index, skip)
    seen = [(sizes[other] if other in context else 0, sizes[other]) for other in seen_slices(config, skip)]
    return [(config.latent_channels, config.latent_channels), *seen]


def own_places(config: ModelConfig, index: int) -> Places:
    """The channels of slice `index`."""
    return [(config.slice_sizes[index], max(config.slice_sizes))]


def equal_predictor(params: Any, context: Places, own: Places) -> Any:
    """Parameters of a context's `NAFStack` and the `Head` on it; leading axes stay."""
    return _placed(
        params,
        {
            ("stack", "enter", "kernel"): (-2, context),
            ("stack", "leave", "kernel"): (-1, context),
            ("stack", "leave", "bias"): (-1, context),
            ("head", "first", "kernel"): (-2, context),
            ("head", "last", "kernel"): (-1, own),
            ("head", "last", "bias"): (-1, own),
        },
    )


def equal_head(params: Any, inputs: Places, own: Places) -> Any:
    """Parameters of a `Head`."""
    rules: _Rules = {("first", "kernel"): (-2, inputs), ("last", "kernel"): (-1, own), ("last", "bias"): (-1, own)}
    return _placed(params, rules)


def stacked_slices(config: ModelConfig, whole: Array, filling: float = 0) -> Array:
    """The slices of the channels of [..., M] as [slices, ..., m]; m is the size of the largest."""
    slices = [whole[..., start:end] for start, end in itertools.pairwise(config.slice_edges)]
    return jnp.stack([in_places(own, -1, own_places(config, index), filling) for index, own in enumerate(slices)])


def unstacked_slices(config: ModelConfig, stacked: Array) -> list[Array]:
    """The inverse, one slice after the other."""
    return [stacked[index, ..., :size] for index, size in enumerate(config.slice_sizes)]


def in_places(array: Array, axis: int, places: Places, filling: float = 0) -> Array:
    """The same channels along `axis`, each run filled up to its common size."""
    start, runs = 0, []
    for count, common in places:
        run = lax.slice_in_dim(array, start, start + count, axis=axis)
        widths = [(0, 0)] * array.ndim
        widths[axis] = (0, common - count)
        runs.append(jnp.pad(run, widths, constant_values=filling))
        start += count
    return jnp.concatenate(runs, axis=axis)


def _placed(params: Any, rules: _Rules) -> Any:
    def place(path: tuple[Any, ...], leaf: Array) -> Array:
        rule = rules.get(tuple(step.key for step in path))
        return leaf if rule is None else in_places(leaf, *rule)

    return jax.tree_util.tree_map_with_path(place, params)
