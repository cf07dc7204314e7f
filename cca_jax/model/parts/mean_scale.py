"""The entropy model of the mean-and-scale hyperprior without context: the hyper-latent says all of every density.

Minnen, Ballé and Toderici, "Joint autoregressive and hierarchical priors for learned image compression" (NeurIPS 2018),
without their autoregressive model; CompressAI calls it mbt2018-mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
from jaxtyping import Array

from cca_jax.config import ModelConfig
from cca_jax.model.blocks.layers import Conv, TransposedConv
from cca_jax.model.parts.slice_model import SliceModel, SlicePrediction
from cca_jax.model.rates import RatePoint, step_size_of
from cca_jax.ops.valid_region import ValidRegion


class MeanScaleHyperAnalysis(nn.Module):
    """h_a: latent y [B, H/16, W/16, M] to hyper-latent z [B, H/64, W/64, Z]."""

    config: ModelConfig

    @nn.compact
    def __call__(self, y: Array, region: ValidRegion | None = None) -> Array:
        width = self.config.hyper_width or self.config.hyper_channels
        x = nn.leaky_relu(Conv(width, 3, name="first")(y, region))
        x = nn.leaky_relu(Conv(width, 5, 2, name="second")(x, region))
        return Conv(self.config.hyper_channels, 5, 2, name="last")(x, region)


class MeanScaleHyperSynthesis(nn.Module):
    """h_s: decoded hyper-latent ẑ [B, H/64, W/64, Z] to `channels` parameters [B, H/16, W/16, ·] of the densities."""

    config: ModelConfig
    channels: int

    @nn.compact
    def __call__(self, z_hat: Array, region: ValidRegion | None = None) -> Array:
        width = self.config.latent_channels
        x = nn.leaky_relu(TransposedConv(width, 5, 2, name="first")(z_hat, region))
        x = nn.leaky_relu(TransposedConv(width * 3 // 2, 5, 2, name="second")(x, region))
        return Conv(self.channels, 3, name="last")(x, region)


class MeanScaleSlices(SliceModel):
    """Slices whose means and scales are the hyperprior's own, without networks: they only order the streams."""

    def predict(
        self,
        index: int,
        hyper_mean: Array,
        hyper_scale: Array | None,
        context: Sequence[Array],
        region: ValidRegion | None = None,
        rate: RatePoint | None = None,
    ) -> SlicePrediction:
        """The hyperprior's part; see `SliceModel`."""
        del context, region
        channels, step_size = self._channels(index), step_size_of(rate)
        mean = hyper_mean[..., channels]
        scale = None if hyper_scale is None else hyper_scale[..., channels]
        return SlicePrediction(mean, scale, mean, None if step_size is None else step_size[..., channels])

    def refine(
        self,
        index: int,
        features: Array,
        dequantized: Array,
        region: ValidRegion | None = None,
        step_size: Array | None = None,
    ) -> Array:
        """The values as they are."""
        del index, features, region, step_size
        return dequantized
