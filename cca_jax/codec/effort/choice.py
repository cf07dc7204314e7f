"""Whole files compared: tiles meet in seams, where what is better for each may be worse for both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from cca_jax.codec.effort.objective import weighted_sum
from cca_jax.config import ModelConfig
from cca_jax.config.quality_scale import rate_index
from cca_jax.model.rates import rate_weight_at

File = TypeVar("File")


def rate_weight(config: ModelConfig, quality: float) -> float:
    """λ of a quality, in a model of several rates."""
    position = rate_index(quality, config.num_rates)
    return float(rate_weight_at(config, jnp.array([float(position)], jnp.float32))[0])


def best_file(
    files: Sequence[File],
    image: UInt8[np.ndarray, "H W 3"],
    weight: float,
    restore: Callable[[File], UInt8[np.ndarray, "H W 3"]],
    size: Callable[[File], int],
) -> File:
    """The file of an image with the least L; of two alike, the first.

    Args:
        files: what to choose from.
        image: what they are of.
        weight: λ.
        restore: decodes one.
        size: its bytes.
    """

    def cost(file: File) -> float:
        rows = zip(image, restore(file), strict=True)  # one by one: all in wide integers would take much memory
        error = sum(int(np.square(before.astype(np.int64) - after).sum()) for before, after in rows)
        return weighted_sum(error, weight, 8 * size(file))

    return min(files, key=cost)
