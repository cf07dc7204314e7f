"""One optimiser step, pure: the released recipe (paper section 4.1) with the learning rate as an argument.

Gradients of the objective; clipped by their global norm; an optimizer, Adam if none is named, on everything but the
quantiles; then the quantile loss with the updated densities, and a second Adam on the quantiles. A state that finishes
a model has gradients of what decides pictures alone, and nothing else moves.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float

from cca_jax.model.cca import CCAModel, Noise
from cca_jax.model.parameters.shapes import flatten, unflatten
from cca_jax.model.rates import RatePoint
from cca_jax.objective.loss import CCAForm, Distortion, ObjectiveTerms, rate_distortion_cca
from cca_jax.ops import platform
from train.step.exchange import Axes, gradients_over_devices, on_whole_trees, squares_over_devices
from train.step.optimizers.averaging import moving_average
from train.step.optimizers.clipping import clip_by_global_norm
from train.step.optimizers.layout import Layout, pack, unpack
from train.step.optimizers.optimizer import Optimizer
from train.step.sharding import param_axes
from train.step.state import (
    QUANTILE_LEARNING_RATE,
    QUANTILE_OPTIMIZER,
    StepReport,
    TrainState,
    averaged_part,
    split_trained,
)


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
    optimizer: Optimizer | None = None,
    mesh: Mesh | None = None,
    shard_state: bool = False,
) -> tuple[TrainState, StepReport]:
    """One step; `model`, `form`, `distortion`, `accumulate`, `optimizer`, `mesh`, `shard_state` are static under jit.

    Where the loss or a gradient is not finite, nothing but the counters changes.

    Args:
        model: the networks.
        state: before the step.
        image: RGB in [0, 1].
        noise: stands for rounding in the rates; None rounds.
        learning_rate: of the first optimizer.
        rate: λ; in a model of several rates, of each image.
        hyper_rate_factor: how much of the hyper-latent's rate counts.
        cca_weight: α.
        max_norm: the gradients are scaled down to this global norm.
        form: of the CCA term.
        distortion: of the objective.
        accumulate: parts in which the batch is worked off; the gradient is the whole batch's all the same.
        average_decay: of the moving average, if the state keeps one.
        optimizer: of everything but the quantiles, the one the state was made for; None for Adam as released.
        mesh: the devices that the batch is divided among, each of which works off its rows in parts; None for one.
        shard_state: the state lies divided among them, as `train.step.sharding` says; its layout is "arrays".

    Returns:
        The state after the step and its report.
    """
    schedule: dict[str, Any] = {"hyper_rate_factor": hyper_rate_factor, "cca_weight": cca_weight}
    of_images = {"rate": rate} if model.config.rate_weights else {}
    schedule |= {} if model.config.rate_weights else {"rate": rate}
    objective = partial(rate_distortion_cca, model, form=form, distortion=distortion)
    rows = (image, noise, of_images)
    named = flatten(state.params)
    axes = param_axes(named, mesh) if mesh is not None and shard_state else None
    fixed = split_trained(named, state.finish)[1] if state.finish else {}
    gradients, terms = _mean_gradients(objective, named, fixed, schedule, rows, accumulate, mesh, axes)
    own = split_trained(gradients, state.finish)[0]
    squares = None if mesh is None or axes is None else squares_over_devices(own, mesh, axes)
    gradient, norm = clip_by_global_norm(pack(own, state.layout), max_norm, squares)
    finite = jnp.isfinite(norm) & jnp.isfinite(terms.loss)
    optimizer = optimizer or Optimizer()
    advance = partial(_advance, learning_rate=learning_rate, optimizer=optimizer)
    if mesh is not None and axes is not None and platform.on_cpu() and not optimizer.elementwise:
        advance = partial(_advance_whole, advance, mesh)
    new, quantile_loss = _update(model, state, gradient, finite, advance, form != "off")
    if state.average is not None:
        averaged = pack(averaged_part(new.params, state.finish), state.layout)
        average = moving_average(state.average, averaged, average_decay, state.step)
        kept = jax.tree.map(lambda after, before: jnp.where(finite, after, before), average, state.average)
        new = dataclasses.replace(new, average=kept)
    skipped = state.skipped + jnp.where(finite, 0, 1)
    in_row = jnp.where(finite, 0, state.skipped_in_row + 1)
    new = dataclasses.replace(new, step=state.step + 1, skipped=skipped, skipped_in_row=in_row)
    return new, StepReport(terms, norm, quantile_loss, skipped, in_row)


def _mean_gradients(
    objective: Callable[..., Any],
    params: dict[str, Array],
    fixed: Collection[str],
    schedule: Any,
    rows: Any,
    accumulate: int,
    mesh: Mesh | None,
    axes: Axes | None,
) -> tuple[dict[str, Array], ObjectiveTerms]:
    """The objective's gradients by name and terms, means over a batch that is worked off by devices and in parts.

    Args:
        objective: of parameters, images and noise, with what `schedule` and the images themselves add by name.
        params: the parameters by name.
        fixed: names of those that have no gradient.
        schedule: its scalars of this step.
        rows: images, noise, and what has a value for each image, by name.
        accumulate: parts of each device's rows.
        mesh: the devices; None for one.
        axes: how the parameters are divided among them; None where they are whole.
    """
    trained = [name for name in params if name not in fixed]

    def of_rows(params: dict[str, Array], schedule: Any, rows: Any) -> Any:
        moved = {name: params[name] for name in trained}

        def of_part(part: Any) -> Any:
            image, noise, of_images = part

            def loss(moved: dict[str, Array]) -> Any:
                return objective(unflatten({**params, **moved}), image, noise, **schedule, **of_images)

            return jax.grad(loss, has_aux=True)(moved)

        return mean_over_parts(of_part, rows, accumulate)

    schedule = jax.tree.map(jnp.asarray, schedule)
    if mesh is None:
        return of_rows(params, schedule, rows)
    return gradients_over_devices(of_rows, params, schedule, rows, mesh, axes, trained)


def _advance(
    params: dict[str, Array],
    gradient: Any,
    state: Any,
    finite: Bool[Array, ""],
    layout: Layout,
    *,
    learning_rate: float | Float[Array, ""],
    optimizer: Optimizer,
) -> tuple[dict[str, Array], Any]:
    """Parameters and an optimizer's state after a step of it, with a gradient that is packed as its layout says."""
    change, advanced = optimizer.at(learning_rate).update(gradient, state, pack(params, layout), finite=finite)
    return jax.tree.map(jnp.add, params, unpack(change, params)), advanced


def _advance_whole(
    advance: Callable[..., Any], mesh: Mesh, params: Any, gradient: Any, state: Any, finite: Any, layout: Layout
) -> Any:
    """As `_advance`, of parameters and a state that lie divided, on devices of which each has them whole meanwhile."""

    def of_whole(params: Any, gradient: Any, state: Any, finite: Any) -> Any:
        return advance(params, gradient, state, finite, layout)

    return on_whole_trees(of_whole, (params, gradient, state, finite), mesh)


def _update(
    model: CCAModel,
    state: TrainState,
    gradient: Any,
    finite: Bool[Array, ""],
    advance: Callable[..., tuple[dict[str, Array], Any]],
    auxiliary: bool,
) -> tuple[TrainState, Float[Array, ""]]:
    """Both optimizers, one after the other: the state with their changes, and the quantile loss between the two.

    Where a model is finished, the first one alone.

    Args:
        model: the networks.
        state: before the step.
        gradient: clipped, of what the first one moves.
        finite: whether it is; if not, nothing changes.
        advance: the first optimizer's step, see `_advance`.
        auxiliary: whether the auxiliary model's quantiles take part.
    """
    others, rest = split_trained(flatten(state.params), state.finish)
    others, optimizer = advance(others, gradient, state.optimizer, finite, state.layout)
    state = dataclasses.replace(state, optimizer=optimizer)
    if state.finish:
        params = unflatten({**rest, **others})
        quantile_loss = model.apply({"params": params}, auxiliary=auxiliary, method="quantile_loss")
        return dataclasses.replace(state, params=params), quantile_loss

    def quantile_objective(quantiles: dict[str, Array]) -> Array:
        params = unflatten({**others, **quantiles})
        return model.apply({"params": params}, auxiliary=auxiliary, method="quantile_loss")

    quantile_loss, gradients = jax.value_and_grad(quantile_objective)(rest)
    quantiles, quantile_optimizer = _advance(
        rest, pack(gradients, "vector"), state.quantile_optimizer, finite, "vector",
        learning_rate=QUANTILE_LEARNING_RATE, optimizer=QUANTILE_OPTIMIZER,
    )  # fmt: skip
    params = unflatten({**others, **quantiles})
    return dataclasses.replace(state, params=params, quantile_optimizer=quantile_optimizer), quantile_loss
