"""One optimiser step, pure: the released recipe (paper section 4.1) with the learning rate as an argument.

Gradients of the objective; clipped by their global norm; Adam on everything but the quantiles; then the quantile loss
with the updated densities, and a second Adam on the quantiles.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float, Int32

from cca_jax.model.cca import CCAModel, Noise
from cca_jax.model.parameters.shapes import flatten, unflatten
from cca_jax.model.rates import RatePoint
from cca_jax.objective.loss import CCAForm, Distortion, ObjectiveTerms, rate_distortion_cca
from train.step.mesh import mean_over_devices
from train.step.optimizer import AdamState, advance_adam, clip_by_global_norm, initial_adam, moving_average

QUANTILE_LEARNING_RATE = 1e-3


@flax.struct.dataclass
class TrainState:
    """What a run carries from step to step.

    Attributes:
        step: optimiser steps done, skipped ones included.
        params: the model's parameters.
        optimizer: state of Adam on everything but the quantiles, as one vector.
        quantile_optimizer: state of Adam on the quantiles, likewise.
        average: exponential moving average of the parameters, as one vector; None where none is kept.
        skipped: steps whose loss or gradients were not finite.
        skipped_in_row: how many of these are the last ones.
    """

    step: Int32[Array, ""]
    params: Any
    optimizer: AdamState
    quantile_optimizer: AdamState
    average: Any
    skipped: Int32[Array, ""]
    skipped_in_row: Int32[Array, ""]

    @property
    def best_params(self) -> Any:
        """The parameters to validate and to export: the average where one is kept."""
        return self.params if self.average is None else ravel_pytree(self.params)[1](self.average)


@flax.struct.dataclass
class StepReport:
    """What a step says of itself, scalars.

    Attributes:
        terms: the objective before the update.
        grad_norm: global norm of its gradients before clipping.
        quantile_loss: after the update of the other parameters.
        skipped: steps skipped since the beginning.
        skipped_in_row: how many of these are the last ones; above 0, this step changed nothing.
    """

    terms: ObjectiveTerms
    grad_norm: Float[Array, ""]
    quantile_loss: Float[Array, ""]
    skipped: Int32[Array, ""]
    skipped_in_row: Int32[Array, ""]


def _split(params: Any) -> tuple[dict[str, Array], dict[str, Array]]:
    """The quantiles, and everything else, by name."""
    named = flatten(params)
    quantiles = {name: value for name, value in named.items() if name.rpartition("/")[2] == "quantiles"}
    return quantiles, {name: value for name, value in named.items() if name not in quantiles}


def initial_state(params: Any, average: bool = False) -> TrainState:
    """The state before the first step; `average` begins a moving average at the parameters."""
    params = jax.tree.map(jnp.asarray, params)
    quantile, main = (initial_adam(ravel_pytree(part)[0]) for part in _split(params))
    zero = jnp.zeros((), jnp.int32)
    return TrainState(zero, params, main, quantile, ravel_pytree(params)[0] if average else None, zero, zero)


def first_moments(state: TrainState) -> Any:
    """Adam's first moments in the structure of the parameters; 0 for the quantiles, which are not its own."""
    quantiles, others = _split(state.params)
    moments = ravel_pytree(others)[1](state.optimizer.mu)
    return unflatten({**{name: jnp.zeros_like(value) for name, value in quantiles.items()}, **moments})


def mean_over_parts(function: Callable[[Any], Any], batch: Any, parts: int) -> Any:
    """The mean of `function` over equal parts of a batch, one part in memory at a time.

    Args:
        function: of a part to a tree of arrays.
        batch: arrays of one leading length, divisible by `parts`.
        parts: how many.
    """
    if parts == 1:
        return function(batch)
    divided = jax.tree.map(lambda v: v.reshape(parts, v.shape[0] // parts, *v.shape[1:]), batch)

    def add(total: Any, part: Any) -> tuple[Any, None]:
        return jax.tree.map(operator.add, total, function(part)), None

    shapes = jax.eval_shape(function, jax.tree.map(lambda v: v[0], divided))
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    total, _ = jax.lax.scan(add, zeros, divided)
    return jax.tree.map(lambda v: v / parts, total)


def train_step(
    model: CCAModel,
    state: TrainState,
    image: Float[Array, "B H W 3"],
    noise: Noise | None,
    *,
    learning_rate: float | Float[Array, ""],
    rate: RatePoint,
    hyper_rate_factor: float | Float[Array, ""] = 1.0,
    cca_weight: float | Float[Array, ""] = 1.0,
    max_norm: float = 1.0,
    form: CCAForm = "reference",
    distortion: Distortion = "mse",
    accumulate: int = 1,
    average_decay: float = 0.0,
    mesh: Mesh | None = None,
) -> tuple[TrainState, StepReport]:
    """One step; `model`, `form`, `distortion`, `accumulate` and `mesh` are static under jit.

    Where the loss or a gradient is not finite, nothing but the counters changes.

    Args:
        model: the networks.
        state: before the step.
        image: RGB in [0, 1].
        noise: stands for rounding in the rates; None rounds.
        learning_rate: of the first Adam.
        rate: λ; in a model of several rates, of each image.
        hyper_rate_factor: how much of the hyper-latent's rate counts.
        cca_weight: α.
        max_norm: the gradients are scaled down to this global norm.
        form: of the CCA term.
        distortion: of the objective.
        accumulate: parts in which the batch is worked off; the gradient is the whole batch's all the same.
        average_decay: of the moving average, if the state keeps one.
        mesh: the devices that the batch is divided among, each of which works off its rows in parts; None for one.

    Returns:
        The state after the step and its report.
    """
    schedule: dict[str, Any] = {"hyper_rate_factor": hyper_rate_factor, "cca_weight": cca_weight}
    of_images = {"rate": rate} if model.config.rate_weights else {}
    schedule |= {} if model.config.rate_weights else {"rate": rate}
    objective = partial(rate_distortion_cca, model, form=form, distortion=distortion)
    rows = (image, noise, of_images)
    gradients, terms = _mean_gradients(objective, state.params, schedule, rows, accumulate, mesh)
    gradient, norm = clip_by_global_norm(ravel_pytree(_split(gradients)[1])[0], max_norm)
    finite = jnp.isfinite(norm) & jnp.isfinite(terms.loss)
    new, quantile_loss = _update(model, state, gradient, finite, learning_rate, form != "off")
    if state.average is not None:
        average = moving_average(state.average, new.params, average_decay, state.step)
        new = dataclasses.replace(new, average=jnp.where(finite, average, state.average))
    skipped = state.skipped + jnp.where(finite, 0, 1)
    in_row = jnp.where(finite, 0, state.skipped_in_row + 1)
    new = dataclasses.replace(new, step=state.step + 1, skipped=skipped, skipped_in_row=in_row)
    return new, StepReport(terms, norm, quantile_loss, skipped, in_row)


def _mean_gradients(
    objective: Callable[..., Any], params: Any, schedule: Any, rows: Any, accumulate: int, mesh: Mesh | None
) -> tuple[Any, ObjectiveTerms]:
    """The objective's gradients and terms, means over a batch that is worked off by devices and in parts.

    Args:
        objective: of parameters, images and noise, with what `schedule` and the images themselves add by name.
        params: the parameters.
        schedule: its scalars of this step.
        rows: images, noise, and what has a value for each image, by name.
        accumulate: parts of each device's rows.
        mesh: the devices; None for one.
    """

    def of_rows(shared: Any, rows: Any) -> Any:
        params, schedule = shared

        def of_part(part: Any) -> Any:
            image, noise, of_images = part
            return jax.grad(objective, has_aux=True)(params, image, noise, **schedule, **of_images)

        return mean_over_parts(of_part, rows, accumulate)

    shared = (params, jax.tree.map(jnp.asarray, schedule))
    return of_rows(shared, rows) if mesh is None else mean_over_devices(of_rows, shared, rows, mesh)


def _update(
    model: CCAModel,
    state: TrainState,
    gradient: Float[Array, " N"],
    finite: Bool[Array, ""],
    learning_rate: float | Array,
    auxiliary: bool,
) -> tuple[TrainState, Float[Array, ""]]:
    """Both optimisers, one after the other: the state with their changes, and the quantile loss between the two.

    Args:
        model: the networks.
        state: before the step.
        gradient: clipped, of everything but the quantiles.
        finite: whether it is; if not, nothing changes.
        learning_rate: of the first optimiser.
        auxiliary: whether the auxiliary model's quantiles take part.
    """

    def advance(
        params: Any, gradient: Array, optimizer: AdamState, learning_rate: float | Array
    ) -> tuple[Any, AdamState]:
        change, advanced = advance_adam(gradient, optimizer, learning_rate, finite)
        return jax.tree.map(jnp.subtract, params, ravel_pytree(params)[1](change)), advanced

    quantiles, others = _split(state.params)
    others, optimizer = advance(others, gradient, state.optimizer, learning_rate)

    def quantile_objective(quantiles: dict[str, Array]) -> Array:
        params = unflatten({**others, **quantiles})
        return model.apply({"params": params}, auxiliary=auxiliary, method="quantile_loss")

    quantile_loss, gradients = jax.value_and_grad(quantile_objective)(quantiles)
    flat = ravel_pytree(gradients)[0]
    quantiles, quantile_optimizer = advance(quantiles, flat, state.quantile_optimizer, QUANTILE_LEARNING_RATE)
    params = unflatten({**others, **quantiles})
    updated = dataclasses.replace(state, params=params, optimizer=optimizer, quantile_optimizer=quantile_optimizer)
    return updated, quantile_loss
