"""Rounding and bounds whose gradients are chosen, not derived (Ballé et al. 2018; paper section 3.1)."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


@jax.custom_jvp
def round_straight_through(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Rounds to the nearest integer (ties to even); the gradient is that of the identity."""
    return jnp.round(x)


@round_straight_through.defjvp
def _round_straight_through_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return jnp.round(primals[0]), tangents[0]


def quantize_around(x: Float[Array, "..."], center: Float[Array, "..."]) -> Float[Array, "..."]:
    """Rounds the distance of x from its centre: round(x - centre) + centre.

    Straight-through to x; the two paths to the centre cancel, so it gets no gradient.
    """
    return round_straight_through(x - center) + center


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def lower_bound(x: Float[Array, "..."], bound: float) -> Float[Array, "..."]:
    """max(x, bound) with the one-sided gradient of Ballé et al. 2018.

    The gradient passes where x is at or above the bound, and below it where descent would raise x; elsewhere it is 0.
    """
    return jnp.maximum(x, bound)


def _lower_bound_forward(x: Array, bound: float) -> tuple[Array, Array]:
    return jnp.maximum(x, bound), x >= bound


def _lower_bound_backward(bound: float, above: Array, cotangent: Array) -> tuple[Array]:
    return (jnp.where(above | (cotangent < 0), cotangent, 0),)


lower_bound.defvjp(_lower_bound_forward, _lower_bound_backward)


@jax.custom_vjp
def scale_gradient(x: Float[Array, "..."], factor: Float[Array, ""]) -> Float[Array, "..."]:
    """The identity, whose gradient is multiplied by `factor` (0 stops it, a negative number turns it round)."""
    del factor
    return x


def _scale_gradient_forward(x: Array, factor: Array) -> tuple[Array, Array]:
    return x, factor


def _scale_gradient_backward(factor: Array, cotangent: Array) -> tuple[Array, Array]:
    return cotangent * factor, jnp.zeros_like(factor)


scale_gradient.defvjp(_scale_gradient_forward, _scale_gradient_backward)
