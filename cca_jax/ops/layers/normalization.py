"""Layer normalisation: every position of a plane is standardised over its channels, then scaled and shifted."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.ops import platform
from cca_jax.ops.cpu.sums import weighted_sum
from cca_jax.ops.precision import per_channel, sum_over_positions

EPSILON = 1e-6


@jax.custom_vjp
def layer_norm(
    x: Float[Array, "B H W C"], scale: Float[Array, " C"], bias: Float[Array, " C"]
) -> Float[Array, "B H W C"]:
    """(x - mean) / √(variance + 1e-6) · scale + bias, mean and variance over the channels; in x's type."""
    return _forward(x, scale, bias)[0]


def _forward(x: Array, scale: Array, bias: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    average = jnp.full(scale.shape, 1 / scale.size, scale.dtype)
    centered = x.astype(scale.dtype) - _product(x.astype(scale.dtype), average)
    inverse = jax.lax.rsqrt(_product(jnp.square(centered), average) + EPSILON)
    normalized = centered * inverse
    return (normalized * per_channel(scale) + per_channel(bias)).astype(x.dtype), (normalized, inverse, scale)


def _backward(residuals: tuple[Array, Array, Array], cotangent: Array) -> tuple[Array, Array, Array]:
    normalized, inverse, scale = residuals
    wide = cotangent.astype(scale.dtype)
    along, share = wide * normalized, scale / scale.size
    centered = wide * per_channel(scale) - _product(wide, share) - normalized * _product(along, share)
    to_x = (centered * inverse).astype(cotangent.dtype)
    return to_x, sum_over_positions(along), sum_over_positions(wide)


def _product(x: Array, weights: Array) -> Array:
    """Σ weights · x over the channels, [B, H, W, 1]."""
    return weighted_sum(x, weights) if platform.on_cpu() else (x * per_channel(weights)).sum(-1, keepdims=True)


layer_norm.defvjp(_forward, _backward)


@jax.custom_vjp
def standardize(x: Float[Array, "B H W C"]) -> Float[Array, "B H W C"]:
    """`layer_norm` without scale and bias; sums in float32 at least."""
    return _standardize_forward(x)[0]


def _standardize_forward(x: Array) -> tuple[Array, tuple[Array, Array]]:
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    centered = wide - wide.mean(-1, keepdims=True)
    inverse = jax.lax.rsqrt(jnp.square(centered).mean(-1, keepdims=True) + EPSILON)
    normalized = (centered * inverse).astype(x.dtype)
    return normalized, (normalized, inverse)


def _standardize_backward(residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array]:
    normalized, inverse = residuals
    wide, along = cotangent.astype(inverse.dtype), normalized.astype(inverse.dtype)
    centered = wide - wide.mean(-1, keepdims=True) - along * (wide * along).mean(-1, keepdims=True)
    return ((centered * inverse).astype(cotangent.dtype),)


standardize.defvjp(_standardize_forward, _standardize_backward)
