"""A trained model with a range coder: what a `Codec` is made of, open to whoever wants to look inside."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.checks.limits import DEFAULT_MAX_PIXELS, check_memory, check_pixels
from cca_jax.codec.encoding_plan import check_picture, coded_quality
from cca_jax.codec.pictures.samples import in_levels
from cca_jax.codec.pictures.source import Picture, Source, source_of
from cca_jax.codec.tiles.tile_coder import memory_errors, rate_arguments
from cca_jax.compile_cache.programs import find
from cca_jax.config import ModelConfig
from cca_jax.config.quality_scale import MAX_QUALITY, MIN_QUALITY
from cca_jax.entropy_coding.coders import RangeCoder
from cca_jax.model.cca import CCAModel
from cca_jax.model.coding.coding_steps import rate_point
from cca_jax.model.outputs import ModelOutput
from cca_jax.model.rates import RatePoint
from cca_jax.tiling.buckets import pad
from cca_jax.tiling.geometry import Grid


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

    def rate(self, quality: float | None = None) -> RatePoint | None:
        """The rate of a quality, as files of it are coded: λ, position, Δ and the integer rate.

        Args:
            quality: as for `Codec.compress`: from 1 to 100; None takes 50.

        Returns:
            What `CCAModel` takes as its `rate` for one image; None in a model of a single rate.

        Raises:
            ValueError: a quality out of range, or given to a model of a single rate.
        """
        quality = coded_quality(self.name, self.config, quality)
        return None if quality is None else rate_point(*rate_arguments(self.model, self.params, quality))

    @memory_errors()
    def forward(self, image: Picture | Source, quality: float | None = None) -> ModelOutput:
        """All that the networks compute for an image: latents, means, scales, step sizes, likelihoods, reconstruction.

        Values are rounded, as in a file. The image is computed at once, not in tiles, and padded as `compress` pads it:
        latents and likelihoods are those of the padded image. Each size of padded images compiles a program of its
        own, which takes seconds. Symbols are those of the file but where a value lies between two, to rounding.

        Args:
            image: as for `Codec.compress`; its colors alone.
            quality: likewise.

        Returns:
            Arrays of one image. Its `x_hat` has the size of the image; `auxiliary` is None.

        Raises:
            ValueError, TooLargeError, MemoryError: as for `Codec.compress`.
        """
        pixels = source_of(image).pixels
        height, width = pixels.shape[:2]
        check_picture(pixels)
        check_pixels(height, width, self.max_pixels)
        check_memory(self.config, Grid.whole(height, width))
        arguments = (self.model, self.params, pad(in_levels(pixels))[None], self.rate(quality))
        output = find(_forward, arguments)()
        return output.replace(x_hat=output.x_hat[:, :height, :width])


@partial(jax.jit, static_argnums=0)
def _forward(model: CCAModel, params: Any, image: Float[Array, "1 H W 3"], rate: RatePoint | None) -> ModelOutput:
    return model.apply({"params": params}, image.astype(jnp.float32) / 255, rate=rate, auxiliary=False)
