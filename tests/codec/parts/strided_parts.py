"""Parts that a user could have written: transforms of Flax's own layers, with a block of their own, and a context rule.

Tests import it; other processes find it by CCA_JAX_PARTS.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from cca_jax import ModelConfig, register_context_rule, register_transforms
from cca_jax.model.blocks.stacks import BlockStack
from cca_jax.ops.valid_region import masked


class Block(nn.Module):
    @nn.compact
    def __call__(self, x, region=None):
        return x + 0.1 * nn.Conv(x.shape[-1], (3, 3), name="conv")(masked(nn.relu(x), region))


class Analysis(nn.Module):
    config: ModelConfig
    compute_dtype: Any = jnp.float32
    remat: bool = False

    @nn.compact
    def __call__(self, image, region=None):
        x = image
        for stage, width in enumerate(self.config.transform_channels):
            x = nn.relu(nn.Conv(width, (4, 4), (2, 2), name=f"conv_{stage}")(masked(x, region)))
        x = BlockStack(Block, 2, self.remat, name="blocks")(x, region)
        return 20 * nn.Conv(self.config.latent_channels, (2, 2), (2, 2), name="latent")(masked(x, region))


class Synthesis(nn.Module):
    config: ModelConfig
    compute_dtype: Any = jnp.float32
    remat: bool = False

    @nn.compact
    def __call__(self, y_hat, region=None):
        x = y_hat
        for stage, width in enumerate((*self.config.transform_channels[::-1], 3)):
            x = nn.relu(x) if stage else x
            x = nn.ConvTranspose(width, (4, 4), (2, 2), name=f"conv_{stage}")(masked(x, region))
        return x


register_transforms("strided", Analysis, Synthesis)
register_context_rule("latest", lambda index: [index - 1] if index else [])
