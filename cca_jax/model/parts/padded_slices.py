"""Networks of slices padded to one size, that of the largest slice: then one program computes any of them.

Channels that a slice does not have get parameters of zero. What they compute is zero, and what they are given changes
nothing; a slice's context holds all slices that any slice sees, and those it must not see meet rows of zeros.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from cca_jax.config import ModelConfig
from cca_jax.model.recurrence import context_of, seen_slices

ChannelRuns = Sequence[tuple[int, int]]
"""Runs of channels, one after the other: how many channels each has, and how many once it is padded."""
_Rules = Mapping[tuple[str, str], tuple[int, ChannelRuns]]
"""By a layer and its parameter: which axis holds channels that differ from slice to slice, and their runs."""


def context_runs(config: ModelConfig, index: int, skip: int) -> ChannelRuns:
    """What slice `index` is predicted from: the hyperprior's channels, then those of each slice that any slice sees."""
    sizes, context = config.slice_sizes, context_of(config, index, skip)
    seen = [(sizes[other] if other in context else 0, sizes[other]) for other in seen_slices(config, skip)]
    return [(config.latent_channels, config.latent_channels), *seen]


def own_runs(config: ModelConfig, index: int) -> ChannelRuns:
    """The channels of slice `index`."""
    return [(config.slice_sizes[index], max(config.slice_sizes))]


def padded_predictor(params: Mapping[str, Any], context: ChannelRuns, own: ChannelRuns) -> dict[str, Any]:
    """Parameters of a context's `NAFStack` ("stack") and of the `Head` on it ("head"); leading axes stay.

    Args:
        params: of the two.
        context: the channels that they are given.
        own: the channels that the head returns.
    """
    rules: _Rules = {
        ("enter", "kernel"): (-2, context),
        ("leave", "kernel"): (-1, context),
        ("leave", "bias"): (-1, context),
    }
    return {"stack": _padded(params["stack"], rules), "head": padded_head(params["head"], context, own)}


def padded_head(params: Mapping[str, Any], inputs: ChannelRuns, outputs: ChannelRuns) -> dict[str, Any]:
    """Parameters of a `Head`; leading axes stay."""
    rules: _Rules = {
        ("first", "kernel"): (-2, inputs),
        ("last", "kernel"): (-1, outputs),
        ("last", "bias"): (-1, outputs),
    }
    return _padded(params, rules)


def stacked_slices(config: ModelConfig, whole: Float[Array, "*B M"], value: float = 0.0) -> Float[Array, "slices *B m"]:
    """The slices of a latent's channels, padded with `value`; m is the size of the largest."""
    slices = [whole[..., start:end] for start, end in itertools.pairwise(config.slice_edges)]
    return jnp.stack([pad_channels(own, -1, own_runs(config, index), value) for index, own in enumerate(slices)])


def unstacked_slices(config: ModelConfig, stacked: Float[Array, "slices *B m"]) -> list[Array]:
    """The inverse: [..., own channels], one slice after the other."""
    return [stacked[index, ..., :size] for index, size in enumerate(config.slice_sizes)]


def pad_channels(array: Array, axis: int, runs: ChannelRuns, value: float = 0.0) -> Array:
    """The same channels along `axis`, each run padded behind its end; the runs' channels are all that `axis` has."""
    start, padded = 0, []
    for count, common in runs:
        run = lax.slice_in_dim(array, start, start + count, axis=axis)
        widths = [(0, 0)] * array.ndim
        widths[axis] = (0, common - count)
        padded.append(jnp.pad(run, widths, constant_values=value))
        start += count
    return jnp.concatenate(padded, axis=axis)


def unpad_channels(array: Array, axis: int, runs: ChannelRuns) -> Array:
    """The inverse."""
    start, own = 0, []
    for count, common in runs:
        own.append(lax.slice_in_dim(array, start, start + count, axis=axis))
        start += common
    return jnp.concatenate(own, axis=axis)


def _padded(params: Mapping[str, Any], rules: _Rules) -> dict[str, Any]:
    """A copy of a network's parameters; KeyError where a rule meets none."""
    padded = dict(params)
    for (layer, name), (axis, runs) in rules.items():
        padded[layer] = {**padded[layer], name: pad_channels(padded[layer][name], axis, runs)}
    return padded
