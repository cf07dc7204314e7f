"""One optimiser step, pure: the released recipe (paper section 4.1) with the learning rate as an argument.

Gradients of the objective; clipped by their global norm; Adam on everything but the quantiles; then the quantile loss
with the updated densities, and a second Adam on the quantiles.
"""

from __future__ import annotations

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from cca_jax.model.cca import CCAModel, Noise
from cca_jax.objective import CCAForm, Distortion, ObjectiveTerms, rate_distortion_cca

QUANTILE_LEARNING_RATE = 1e-3


@flax.struct.dataclass
class TrainState:
    """What a run carries from step to step.

    Attributes:
        step: optimiser steps done.
        params: the model's parameters.
        optimizer: state of Adam on everything but the quantiles.
        quantile_optimizer: state of Adam on the quantiles.
    """

    step: Array
    params: Any
    optimizer: optax.OptState
    quantile_optimizer: optax.OptState


@flax.struct.dataclass
class StepReport:
    """What a step says of itself, scalars.

    Attributes:
        terms: the objective before the update.
        grad_norm: global norm of its gradients before clipping.
        quantile_loss: after the update of the other parameters.
    """

    terms: ObjectiveTerms
    grad_norm: Float[Array, ""]
    quantile_loss: Float[Array, ""]


def quantile_mask(params: Any, quantiles: bool) -> Any:
    """A tree of booleans over the parameters: whether each is a quantile (or, if not `quantiles`, is not)."""
    return jax.tree_util.tree_map_with_path(lambda path, _: (path[-1].key == "quantiles") == quantiles, params)


def _optimizers(params: Any) -> tuple[optax.GradientTransformation, optax.GradientTransformation]:
    # The learning rate is applied in the step: it is an argument there, and no part of the state.
    main = optax.masked(optax.scale_by_adam(), quantile_mask(params, quantiles=False))
    quantile = optax.masked(optax.scale_by_adam(), quantile_mask(params, quantiles=True))
    return main, quantile


def initial_state(params: Any) -> TrainState:
    """The state before the first step."""
    main, quantile = _optimizers(params)
    params = jax.tree.map(jnp.asarray, params)
    return TrainState(jnp.zeros((), jnp.int32), params, main.init(params), quantile.init(params))


def clip_by_global_norm(gradients: Any, max_norm: float) -> tuple[Any, Float[Array, ""]]:
    """Scales gradients by max_norm / (norm + 1e-6) where that is below 1, PyTorch's rule; returns the norm too."""
    norm = jnp.sqrt(sum(jnp.sum(jnp.square(g)) for g in jax.tree.leaves(gradients)))
    scale = jnp.minimum(1.0, max_norm / (norm + 1e-6))
    return jax.tree.map(lambda g: g * scale, gradients), norm


def train_step(
    model: CCAModel,
    state: TrainState,
    image: Float[Array, "B H W 3"],
    noise: Noise,
    *,
    learning_rate: float | Float[Array, ""],
    rate_weight: float | Float[Array, ""],
    cca_weight: float | Float[Array, ""] = 1.0,
    max_norm: float = 1.0,
    form: CCAForm = "reference",
    distortion: Distortion = "mse",
) -> tuple[TrainState, StepReport]:
    """One step; `model`, `form` and `distortion` are static under jit. Arguments as in `rate_distortion_cca`."""

    def objective(params: Any) -> tuple[Array, ObjectiveTerms]:
        return rate_distortion_cca(
            model, params, image, noise,
            rate_weight=rate_weight, cca_weight=cca_weight, form=form, distortion=distortion,
        )  # fmt: skip

    def quantile_objective(params: Any) -> Array:
        return model.apply({"params": params}, auxiliary=form != "off", method="quantile_loss")

    main, quantile = _optimizers(state.params)
    gradients, terms = jax.grad(objective, has_aux=True)(state.params)
    gradients, norm = clip_by_global_norm(gradients, max_norm)
    direction, optimizer = main.update(gradients, state.optimizer)
    params = jax.tree.map(lambda p, d: p - learning_rate * d, state.params, direction)
    quantile_loss, gradients = jax.value_and_grad(quantile_objective)(params)
    direction, quantile_optimizer = quantile.update(gradients, state.quantile_optimizer)
    params = jax.tree.map(lambda p, d: p - QUANTILE_LEARNING_RATE * d, params, direction)
    return TrainState(state.step + 1, params, optimizer, quantile_optimizer), StepReport(terms, norm, quantile_loss)
