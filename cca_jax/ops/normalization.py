"""Layer normalisation: every position of a plane is standardised over its channels, then scaled and shifted."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.ops import platform
from cca_jax.ops.precision import per_channel, sum_over_positions

_EPSILON = 1e-6


@jax.custom_vjp
def layer_norm(
    x: Float[Array, "B H W C"], scale: Float[Array, " C"], bias: Float[Array, " C"]
) -> Float[Array, "B H W C"]:
    """(x - mean) / √(variance + 1e-6) · scale + bias, mean and variance over the channels; in x's type."""
    return _forward(x, scale, bias)[0]


def _forward(x: Array, scale: Array, bias: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    average = jnp.full(scale.shape, 1 / scale.size, scale.dtype)
    centred = x.astype(scale.dtype) - _product(x.astype(scale.dtype), average)
    inverse = jax.lax.rsqrt(_product(jnp.square(centred), average) + _EPSILON)
    normalised = centred * inverse
    return (normalised * per_channel(scale) + per_channel(bias)).astype(x.dtype), (normalised, inverse, scale)


def _backward(residuals: tuple[Array, Array, Array], cotangent: Array) -> tuple[Array, Array, Array]:
    normalised, inverse, scale = residuals
    wide = cotangent.astype(scale.dtype)
    along, share = wide * normalised, scale / scale.size
    centred = wide * per_channel(scale) - _product(wide, share) - normalised * _product(along, share)
    to_x = (centred * inverse).astype(cotangent.dtype)
    return to_x, sum_over_positions(along), sum_over_positions(wide)


def _product(x: Array, weights: Array) -> Array:
    """Σ weights · x over the channels, [B, H, W, 1]."""
    if not platform.on_cpu():
        return (x * per_channel(weights)).sum(-1, keepdims=True)
    # A matrix product: XLA's own sums along rows take ten times as long on the CPU.
    return (x.reshape(-1, x.shape[-1]) @ weights).reshape(*x.shape[:-1], 1)


layer_norm.defvjp(_forward, _backward)


@jax.custom_vjp
def standardise(x: Float[Array, "B H W C"]) -> Float[Array, "B H W C"]:
    """`layer_norm` without scale and bias; sums in float32 at least."""
    return _standardise_forward(x)[0]


def _standardise_forward(x: Array) -> tuple[Array, tuple[Array, Array]]:
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    centred = wide - wide.mean(-1, keepdims=True)
    inverse = jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + _EPSILON)
    normalised = (centred * inverse).astype(x.dtype)
    return normalised, (normalised, inverse)


def _standardise_backward(residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array]:
    normalised, inverse = residuals
    wide, along = cotangent.astype(inverse.dtype), normalised.astype(inverse.dtype)
    centred = wide - wide.mean(-1, keepdims=True) - along * (wide * along).mean(-1, keepdims=True)
    return ((centred * inverse).astype(cotangent.dtype),)


standardise.defvjp(_standardise_forward, _standardise_backward)
