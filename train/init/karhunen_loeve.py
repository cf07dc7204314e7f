"""The best block transform for the simplest statistics of photos, in the shape of the networks.

A separable Markov field with correlated colours stands for photos. Every stride-2 stage takes the principal axes of 2×2
blocks of what the stage before puts out: a Karhunen–Loève transform of 16×16 blocks, built of four small ones.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from cca_jax.config import LATENT_STRIDE

_COLORS = 3
_CORRELATION = 0.95
"""Of neighbouring pixels, and of two colours of one pixel: what is usually taken for photos."""


class BlockTransform(NamedTuple):
    """The transform.

    Attributes:
        axes: of each stage, [2, 2, inputs, outputs]: orthonormal, by falling variance.
        deviations: of the last stage's outputs, where that of a pixel is 1.
    """

    axes: list[Float[np.ndarray, "2 2 I O"]]
    deviations: Float[np.ndarray, " M"]


def karhunen_loeve(widths: tuple[int, ...]) -> BlockTransform:
    """The transform of stages that are at most so wide; a stage has no more outputs than numbers in its blocks.

    Raises:
        ValueError: not one width for each halving down to a latent position.
    """
    if 2 ** len(widths) != LATENT_STRIDE:
        raise ValueError(f"{len(widths)} stages do not lead to blocks of {LATENT_STRIDE}²")
    # `maps` takes a block of pixels to what a stage puts out there; the field's covariance goes through it.
    maps = np.eye(_COLORS)
    kernels = []
    for stage, width in enumerate(widths):
        inputs = len(maps)
        four = np.zeros((4 * inputs, 4 * maps.shape[1]))
        for quarter in range(4):
            four[quarter * inputs : (quarter + 1) * inputs, _quarter(quarter, 2**stage)] = maps
        variances, vectors = np.linalg.eigh(four @ _field_covariance(2 ** (stage + 1)) @ four.T)
        axes = vectors[:, ::-1][:, :width]
        axes = axes * np.where(axes.sum(0) < 0, -1, 1)  # eigh leaves the signs open
        kernels.append(axes.reshape(2, 2, inputs, -1).astype(np.float32))
        maps = axes.T @ four
    return BlockTransform(kernels, np.sqrt(variances[::-1][: maps.shape[0]]))


def _quarter(quarter: int, half: int) -> np.ndarray:
    """Which numbers of a block of (2 · half)² pixels, in the order (row, column, colour), lie in one quarter of it."""
    numbers = np.arange(4 * half * half * _COLORS).reshape(2 * half, 2 * half, _COLORS)
    row, column = divmod(quarter, 2)
    return numbers[row * half :, column * half :][:half, :half].ravel()


def _field_covariance(side: int) -> Float[np.ndarray, "N N"]:
    """Of a block of side² pixels of three colours."""
    places = np.arange(side)
    along = _CORRELATION ** np.abs(places[:, None] - places)
    colors = np.full((_COLORS, _COLORS), _CORRELATION) + (1 - _CORRELATION) * np.eye(_COLORS)
    return np.kron(np.kron(along, along), colors)
