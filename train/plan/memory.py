"""How much memory a training step needs, found by tracing it: nothing is compiled and nothing computed."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from cca_jax.model.cca import CCAModel, Noise
from cca_jax.model.parameters.shapes import flatten, unflatten
from cca_jax.model.rates import RatePoint
from cca_jax.objective.loss import rate_distortion_cca
from train.recipe.config import TrainConfig
from train.step.placement import state_layout, state_shapes
from train.step.sharding import bytes_on_a_device
from train.step.state import averaged_part, split_trained


class MemoryEstimate(NamedTuple):
    """Bytes on each device.

    Attributes:
        state: parameters, both optimisers, the moving average: on every device, or this device's part.
        gathered: the whole parameters during a step, where the state is sharded.
        gradients: as large as the parameters that are trained.
        activations: what the forward pass keeps for the backward pass, for this device's share of a part of a batch.
    """

    state: int
    gathered: int
    gradients: int
    activations: int

    @property
    def total(self) -> int:
        """All of it; the compiler's own temporary buffers come on top."""
        return self.state + self.gathered + self.gradients + self.activations


def estimate_memory(config: TrainConfig, model: CCAModel, mesh: Mesh) -> MemoryEstimate:
    """The estimate for a run on these devices."""
    state = state_shapes(config, state_layout(config, mesh))
    rows = max(1, config.batch_size // config.accumulate // mesh.size)
    shape = (rows, config.patch_size, config.patch_size, 3)
    auxiliary = config.cca != "off"

    def kept(params: Any) -> Any:
        image, noise = jnp.zeros(shape), Noise.sample(jax.random.key(0), config.model, shape, auxiliary)
        several = bool(config.model.rate_weights)
        rate = RatePoint.at(config.model, jnp.zeros(rows)) if several else RatePoint.single(config.rate_weight)
        trained, fixed = split_trained(flatten(params), config.finished_parts)

        def loss(trained: Any) -> Any:
            return rate_distortion_cca(
                model, unflatten({**fixed, **trained}), image, noise,
                rate=rate, cca_weight=config.cca_weight,
                form=config.cca, distortion=config.loss,
            )[0]  # fmt: skip

        return jax.vjp(loss, trained)[1]

    trained = _bytes(averaged_part(state.params, config.finished_parts))
    residuals = _bytes(jax.eval_shape(kept, state.params))
    held = bytes_on_a_device(state, mesh, config.shard_state)
    gathered = _bytes(state.params) if config.shard_state and mesh.size > 1 else 0
    return MemoryEstimate(held, gathered, trained, max(0, residuals - trained))


def _bytes(tree: Any) -> int:
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
