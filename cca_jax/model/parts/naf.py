"""The paper's transforms: image ↔ latent and latent ↔ hyper-latent (section 3.1 and figure 3).

With `remat`, a transform's repeated blocks are computed again in the backward pass instead of being kept. The layers
that meet the latent compute in float32 also where the others are narrower: at high rates its largest values are
hundreds of steps, of which bfloat16 would round away the fractions.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array

from cca_jax.config import ModelConfig
from cca_jax.model.blocks.layers import Conv, NAFBlock, ResidualBottleneck, TransposedConv, gelu
from cca_jax.model.blocks.stacks import BlockStack
from cca_jax.ops.precision import narrow, widen
from cca_jax.ops.valid_region import ValidRegion

_IMAGE_CHANNELS = 3


class AnalysisTransform(nn.Module):
    """g_a: image [B, H, W, 3] to latent y [B, H/16, W/16, M].

    Attributes:
        config: the model's sizes.
        compute_dtype: of all but the last layer.
        remat: whether the backward pass computes blocks again.
    """

    config: ModelConfig
    compute_dtype: jax.typing.DTypeLike = jnp.float32
    remat: bool = False

    @nn.compact
    def __call__(self, image: Array, region: ValidRegion | None = None) -> Array:
        x = narrow(image, self.compute_dtype)
        stages = zip(self.config.transform_channels, self.config.encoder_blocks, strict=True)
        for stage, (channels, blocks) in enumerate(stages):
            x = Conv(channels, 5, 2, name=f"down_{stage}")(x, region)
            bottlenecks = self.config.bottleneck_blocks
            x = BlockStack(ResidualBottleneck, bottlenecks, self.remat, name=f"bottlenecks_{stage}")(x, region)
            x = BlockStack(NAFBlock, blocks, self.remat, name=f"naf_{stage}")(x, region)
        return Conv(self.config.latent_channels, 5, 2, name="down_3")(widen(x), region)


class SynthesisTransform(nn.Module):
    """g_s: decoded latent ŷ [B, H/16, W/16, M] to image [B, H, W, 3], not yet clamped to [0, 1].

    Attributes:
        config: the model's sizes.
        compute_dtype: of all but the first layer.
        remat: whether the backward pass computes blocks again.
    """

    config: ModelConfig
    compute_dtype: jax.typing.DTypeLike = jnp.float32
    remat: bool = False

    @nn.compact
    def __call__(self, y_hat: Array, region: ValidRegion | None = None) -> Array:
        x = y_hat
        channels = self.config.transform_channels[::-1]
        blocks = self.config.transform_blocks[::-1]
        for stage in range(len(channels)):
            x = narrow(TransposedConv(channels[stage], 5, 2, name=f"up_{stage}")(x, region), self.compute_dtype)
            x = BlockStack(NAFBlock, blocks[stage], self.remat, name=f"naf_{stage}")(x, region)
            bottlenecks = self.config.bottleneck_blocks
            x = BlockStack(ResidualBottleneck, bottlenecks, self.remat, name=f"bottlenecks_{stage}")(x, region)
        return TransposedConv(_IMAGE_CHANNELS, 5, 2, name="up_3")(x, region)


class HyperAnalysis(nn.Module):
    """h_a: latent y [B, H/16, W/16, M] to hyper-latent z [B, H/64, W/64, Z]."""

    config: ModelConfig

    @nn.compact
    def __call__(self, y: Array, region: ValidRegion | None = None) -> Array:
        width = self.config.hyper_hidden
        x = gelu(Conv(width, 3, name="first")(y, region))
        x = gelu(Conv(width, 5, 2, name="second")(x, region))
        return Conv(self.config.hyper_channels, 5, 2, name="last")(x, region)


class HyperSynthesis(nn.Module):
    """h_s: decoded hyper-latent ẑ [B, H/64, W/64, Z] to [B, H/16, W/16, M]; one for the means, one for the scales.

    Attributes:
        config: the model's sizes.
        channels: M.
    """

    config: ModelConfig
    channels: int

    @nn.compact
    def __call__(self, z_hat: Array, region: ValidRegion | None = None) -> Array:
        width = self.config.hyper_hidden
        x = gelu(TransposedConv(width, 5, 2, name="first")(z_hat, region))
        x = gelu(TransposedConv(width, 5, 2, name="second")(x, region))
        return TransposedConv(self.channels, 3, name="last")(x, region)
