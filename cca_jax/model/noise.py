"""The noise of training, which is an argument of the model."""

from __future__ import annotations

from collections.abc import Sequence

import flax.struct
import jax
from jaxtyping import Array

from cca_jax.config import HYPER_STRIDE, LATENT_STRIDE, ModelConfig


@flax.struct.dataclass
class Noise:
    """Uniform noise in [-½, ½) that stands for rounding in training; every user draws its own.

    Attributes:
        z: for p(z), [B, H/64, W/64, Z].
        y: for the slices of the main model, [B, H/16, W/16, M].
        y_factorized: for the factorised density of y, like y; None without the auxiliary model.
        y_aux: for the slices of the auxiliary model, like y; None without the auxiliary model.
    """

    z: Array
    y: Array
    y_factorized: Array | None = None
    y_aux: Array | None = None

    @classmethod
    def sample(cls, key: Array, config: ModelConfig, image_shape: Sequence[int], auxiliary: bool = True) -> Noise:
        """Noise for images of shape [B, H, W, 3] from a PRNG key."""
        batch, height, width = image_shape[:3]
        latent = (batch, height // LATENT_STRIDE, width // LATENT_STRIDE, config.latent_channels)
        hyper = (batch, height // HYPER_STRIDE, width // HYPER_STRIDE, config.hyper_channels)
        shapes = [hyper, latent] + ([latent, latent] if auxiliary else [])
        keys = jax.random.split(key, len(shapes))
        return cls(*(jax.random.uniform(k, s, minval=-0.5, maxval=0.5) for k, s in zip(keys, shapes, strict=True)))
