"""Bits by likelihoods: the one place where these become a rate, for training, evaluation and reports."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cca_jax.config import ModelConfig
from cca_jax.model.outputs import ModelOutput


class Likelihoods(NamedTuple):
    """The part of a `ModelOutput` that bits follow from, where only that is known.

    Attributes:
        likelihood_y: p(y) [B, H/16, W/16, M], in (0, 1].
        likelihood_z: p(z) [B, H/64, W/64, Z], in (0, 1].
    """

    likelihood_y: Any
    likelihood_z: Any


def total_bits(likelihood: Float[Array, "B h w C"] | Float[np.ndarray, "B h w C"]) -> Float[Array, " B"]:
    """-Σ log2 p of each image. NumPy's arrays are summed by NumPy, in float64."""
    if isinstance(likelihood, np.ndarray):
        return -np.log2(likelihood.astype(np.float64)).sum((1, 2, 3))
    return -jnp.log2(likelihood).sum((1, 2, 3))


def bits_per_slice(output: ModelOutput | Likelihoods, config: ModelConfig) -> Float[Array, "B S+1"]:
    """Bits of each stream of each image: of the hyper-latent, then of each slice, in coding order.

    Without noise these are the bits that a perfect coder would take; those of a file are `Encoding.bits_per_stream`.

    Args:
        output: of a forward pass, or its likelihoods alone, as JAX's or NumPy's arrays.
        config: the model's sizes.
    """
    edges = config.slice_edges
    slices = [output.likelihood_y[..., first:last] for first, last in itertools.pairwise(edges)]
    streams = [total_bits(part) for part in (output.likelihood_z, *slices)]
    return np.stack(streams, -1) if isinstance(streams[0], np.ndarray) else jnp.stack(streams, -1)
