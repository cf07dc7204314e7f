"""A trained model with a range coder: what a `Codec` is made of."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.limits import DEFAULT_MAX_PIXELS
from cca_jax.config import ModelConfig
from cca_jax.config.quality_scale import MAX_QUALITY, MIN_QUALITY
from cca_jax.entropy_coding.coders import RangeCoder
from cca_jax.model.cca import CCAModel


class TrainedModel:
    """Networks, tables and a range coder; `Codec` has the attributes."""

    def __init__(
        self,
        bundle: Bundle,
        coder: RangeCoder,
        compute_dtype: jax.typing.DTypeLike = jnp.float32,
        max_pixels: int = DEFAULT_MAX_PIXELS,
    ) -> None:
        self.bundle, self.coder, self._identity, self.max_pixels = bundle, coder, bundle.identity, max_pixels
        self.model = CCAModel(bundle.config, compute_dtype)
        # Widened by numpy: JAX would compile a program for each shape.
        self.params = jax.device_put(jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), bundle.params))

    @property
    def name(self) -> str:
        """The model's name."""
        return self.bundle.name

    @property
    def config(self) -> ModelConfig:
        """The model's sizes."""
        return self.bundle.config

    @property
    def identity(self) -> bytes:
        """The model's identity, 8 bytes, as its files name it."""
        return self._identity

    @property
    def quality_range(self) -> tuple[float, float] | None:
        """The least and the greatest quality, for about the fewest and the most bits; None with a single rate."""
        return (MIN_QUALITY, MAX_QUALITY) if self.config.rate_weights else None
