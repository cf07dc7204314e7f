"""Whole files compared: tiles meet in seams, where what is better for each may be worse for both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8

from cca_jax.codec.effort.objective import weighted_sum
from cca_jax.codec.pictures.samples import in_levels
from cca_jax.model.rates import RatePoint

File = TypeVar("File")


def best_file(
    files: Sequence[File],
    image: np.ndarray,
    rate: RatePoint,
    restore: Callable[[File], UInt8[np.ndarray, "H W 3"]],
    size: Callable[[File], int],
) -> File:
    """The file of an image with the least L; of two alike, the first.

    Args:
        files: what to choose from.
        image: what they are of, uint8 or uint16 [H, W, 3].
        rate: with λ, of the one image.
        restore: decodes one.
        size: its bytes.
    """
    weight = float(rate.weight[0])

    def cost(file: File) -> float:
        rows = zip(image, restore(file), strict=True)  # one by one: all in wide numbers would take much memory
        error = sum(float(np.square(in_levels(before).astype(np.float64) - after).sum()) for before, after in rows)
        return weighted_sum(error, weight, 8 * size(file))

    return min(files, key=cost)
