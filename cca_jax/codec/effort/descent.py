"""The search's steps, compiled once for a configuration and a bucket.

Adam on a tile's latent (Kingma and Ba 2015), with one change: what a gradient is divided by is its own typical size
plus that of its channel. Adam moves all positions alike, those too whose gradient is noise; here they hardly move,
and the few iterations that there are go to what matters (docs/training/experiments.md).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from cca_jax.codec.effort.objective import Latents, Surroundings, cost, within_halo
from cca_jax.model.cca import CCAModel
from cca_jax.model.rates import RatePoint, in_steps, out_of_steps
from cca_jax.ops.valid_region import ValidRegion, masked, plane_mean

_SECOND_DECAY = 0.99
_EPSILON = 1e-8
_SEED = 0


@flax.struct.dataclass
class State:
    """Where a search stands.

    Attributes:
        latents: what is searched.
        first: Adam's means of the gradients.
        second: its means of their squares.
    """

    latents: Latents
    first: Latents
    second: Latents


@flax.struct.dataclass
class Iterations:
    """Some of a search's iterations in a row; float32 [n].

    Attributes:
        number: from 1 on.
        temperature: of the rounding.
        memory: the decay of the gradients' means.
        rate_y: how far a step moves the latent, in its steps.
        rate_z: and the hyper-latent.
    """

    number: Float[Array, " n"]
    temperature: Float[Array, " n"]
    memory: Float[Array, " n"]
    rate_y: Float[Array, " n"]
    rate_z: Float[Array, " n"]


@partial(jax.jit, static_argnums=0)
def begin(
    model: CCAModel, params: Any, y: Float[Array, "1 h w M"], region: ValidRegion | None, rate: RatePoint | None
) -> State:
    """At the networks' latent."""
    z = model.apply({"params": params}, y, region, rate, method="hyper_analyze")
    median = model.apply({"params": params}, method=lambda model: model.hyper_prior.median())
    latents = Latents(masked(in_steps(y, rate), region), masked(z - median[None, None, None], region))
    return State(latents, *(jax.tree.map(jnp.zeros_like, latents) for _ in range(2)))


@partial(jax.jit, static_argnums=0, donate_argnums=2)
def descend(model: CCAModel, params: Any, state: State, around: Surroundings, iterations: Iterations) -> State:
    """The state after these iterations; each draws its noise by its number."""

    def turn(state: State, now: Iterations) -> tuple[State, None]:
        key = jax.random.fold_in(jax.random.key(_SEED), now.number.astype(jnp.int32))
        gradient = jax.grad(lambda latents: cost(model, params, latents, around, now.temperature, key))(state.latents)
        first = _averaged(now.memory, state.first, gradient)
        second = _averaged(_SECOND_DECAY, state.second, jax.tree.map(jnp.square, gradient))
        unbiased = [1 / (1 - decay**now.number) for decay in (now.memory, _SECOND_DECAY)]

        def move(x: Array, mean: Array, square: Array, largest: Array) -> Array:
            own = jnp.sqrt(unbiased[1] * square)
            of_channel = jnp.sqrt(unbiased[1] * plane_mean(square, around.region))
            return x - largest * unbiased[0] * mean / (own + of_channel + _EPSILON)

        largest = Latents(now.rate_y, now.rate_z)
        return State(jax.tree.map(move, state.latents, first, second, largest), first, second), None

    return jax.lax.scan(turn, state, iterations)[0]


def _averaged(decay: float | Array, means: Latents, new: Latents) -> Latents:
    return jax.tree.map(lambda mean, value: decay * mean + (1 - decay) * value, means, new)


@jax.jit
def to_code(
    latents: Latents, region: ValidRegion | None, rate: RatePoint
) -> tuple[Float[Array, "1 h w M"], Int32[Array, "1 hz wz Z"]]:
    """The latent as an encoder takes it, and the hyper-latent's symbols."""
    symbols = masked(jnp.round(latents.z).astype(jnp.int32), region)
    return out_of_steps(latents.y, rate), symbols


place = jax.jit(within_halo)
"""`within_halo`, compiled."""
