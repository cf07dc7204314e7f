"""The transforms of 2018: strided convolutions with generalised divisive normalisation between them.

Ballé, Minnen, Singh, Hwang and Johnston, "Variational image compression with a scale hyperprior" (ICLR 2018), figure 4;
Minnen, Ballé and Toderici (NeurIPS 2018) have the same. Their width N is `transform_channels`, one for each resolution.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.config import ModelConfig
from cca_jax.model.blocks.layers import Conv, TransposedConv
from cca_jax.ops.precision import narrow, widen
from cca_jax.ops.quantization.rounding import lower_bound
from cca_jax.ops.valid_region import ValidRegion

_IMAGE_CHANNELS = 3
_OFFSET = 2.0**-18
_PEDESTAL = _OFFSET**2
_BETA_FLOOR = 1e-6
_INITIAL_GAMMA = 0.1


class GDN(nn.Module):
    """y_i = x_i / √(β_i + Σ_j γ_ji x_j²) over the channels; the inverse multiplies by the root.

    β and γ are stored as square roots, which keeps them positive and their learning rates small where they are
    (Ballé 2018, "Efficient nonlinear transforms for lossy image compression"). It computes in float32.
    """

    inverse: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "B H W C"]) -> Float[Array, "B H W C"]:
        channels = x.shape[-1]
        beta = _positive(self.param("beta", _initial_beta, (channels,)), _BETA_FLOOR)
        gamma = _positive(self.param("gamma", _initial_gamma, (channels, channels)), 0.0)
        squares = jnp.square(x.astype(jnp.float32)).reshape(-1, channels)
        norm = (squares @ gamma + beta[None]).reshape(x.shape)
        return (x * (jnp.sqrt(norm) if self.inverse else jax.lax.rsqrt(norm))).astype(x.dtype)


class GDNAnalysis(nn.Module):
    """g_a: image [B, H, W, 3] to latent [B, H/16, W/16, M]; attributes as for the transforms of `naf`."""

    config: ModelConfig
    compute_dtype: jax.typing.DTypeLike = jnp.float32
    remat: bool = False

    @nn.compact
    def __call__(self, image: Array, region: ValidRegion | None = None) -> Array:
        x = narrow(image, self.compute_dtype)
        for stage, channels in enumerate(self.config.transform_channels):
            x = Conv(channels, 5, 2, name=f"down_{stage}")(x, region)
            x = GDN(name=f"gdn_{stage}")(x)
        return Conv(self.config.latent_channels, 5, 2, name="down_3")(widen(x), region)


class GDNSynthesis(nn.Module):
    """g_s: decoded latent [B, H/16, W/16, M] to image [B, H, W, 3]."""

    config: ModelConfig
    compute_dtype: jax.typing.DTypeLike = jnp.float32
    remat: bool = False

    @nn.compact
    def __call__(self, y_hat: Array, region: ValidRegion | None = None) -> Array:
        x = y_hat
        for stage, channels in enumerate(self.config.transform_channels[::-1]):
            x = narrow(TransposedConv(channels, 5, 2, name=f"up_{stage}")(x, region), self.compute_dtype)
            x = GDN(inverse=True, name=f"gdn_{stage}")(x)
        return TransposedConv(_IMAGE_CHANNELS, 5, 2, name="up_3")(x, region)


def _positive(stored: Array, floor: float) -> Array:
    return jnp.square(lower_bound(stored, (floor + _PEDESTAL) ** 0.5)) - _PEDESTAL


def _initial_beta(key: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
    del key
    return jnp.full(shape, (1 + _PEDESTAL) ** 0.5, dtype)


def _initial_gamma(key: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
    del key
    return jnp.sqrt(_INITIAL_GAMMA * jnp.eye(shape[0], dtype=dtype) + _PEDESTAL)
