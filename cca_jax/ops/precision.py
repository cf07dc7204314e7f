"""Arithmetic on activations that may be narrower than the parameters they meet (bfloat16 beside float32).

Everywhere in `ops` the activations' type is the one that is stored and multiplied, and the parameter's type the one
that its gradient is summed in and comes out in.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.ops import platform
from cca_jax.ops.cpu.sums import MANY_ROWS, sum_of_rows


def narrow(x: Float[Array, "..."], dtype: jax.typing.DTypeLike) -> Float[Array, "..."]:
    """float32 becomes `dtype`; other types (float64, where a verification computes in it) stay."""
    return x.astype(dtype) if x.dtype == jnp.float32 else x


def widen(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """What is narrower than float32 becomes float32."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def per_channel(values: Float[Array, " C"]) -> Float[Array, "1 1 1 C"]:
    """One number a channel, ready to meet [B, H, W, C]: broadcasting is never implicit here."""
    return values[None, None, None]


def sum_over_positions(x: Float[Array, "B H W C"]) -> Float[Array, " C"]:
    """One sum a channel."""
    rows = x.reshape(-1, x.shape[-1])
    return sum_of_rows(rows) if platform.on_cpu() and len(rows) > MANY_ROWS else rows.sum(0)


@jax.custom_vjp
def add_channels(x: Float[Array, "B H W C"], bias: Float[Array, " C"]) -> Float[Array, "B H W C"]:
    """One number a channel plus x, in x's type."""
    return (x.astype(bias.dtype) + per_channel(bias)).astype(x.dtype)


def _add_forward(x: Array, bias: Array) -> tuple[Array, Array]:
    return add_channels(x, bias), bias


def _add_backward(bias: Array, cotangent: Array) -> tuple[Array, Array]:
    return cotangent, sum_over_positions(cotangent.astype(bias.dtype))


add_channels.defvjp(_add_forward, _add_backward)
