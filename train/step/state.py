"""What a run carries from step to step, and what a step says of itself."""

from __future__ import annotations

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from cca_jax.model.parameters.picture_only import picture_only
from cca_jax.model.parameters.shapes import flatten, unflatten
from cca_jax.objective.loss import ObjectiveTerms
from train.step.optimizers.layout import Layout, pack, unpack
from train.step.optimizers.optimizer import Optimizer

QUANTILE_LEARNING_RATE = 1e-3
QUANTILE_OPTIMIZER = Optimizer()


@flax.struct.dataclass
class TrainState:
    """What a run carries from step to step.

    Attributes:
        step: optimiser steps done, skipped ones included.
        params: the model's parameters.
        optimizer: state of the optimizer of everything but the quantiles, which are packed as `layout` says. Where a
            run finishes a model, of what it trains alone.
        quantile_optimizer: state of Adam on the quantiles, as one vector.
        average: exponential moving average of the parameters, packed likewise; None where none is kept. Where a run
            finishes a model, of what it trains alone: an average of equal numbers is not always that number.
        skipped: steps whose loss or gradients were not finite.
        skipped_in_row: how many of these are the last ones.
        layout: how parameters lie before the optimizer; static under jit.
        finish: of a run that finishes a model, the parts that it trains alone, those that decide pictures
            (`cca_jax.model.parts.chosen.picture_only_parts`); empty where everything is trained. Static under jit.
    """

    step: Int32[Array, ""]
    params: Any
    optimizer: Any
    quantile_optimizer: Any
    average: Any
    skipped: Int32[Array, ""]
    skipped_in_row: Int32[Array, ""]
    layout: Layout = flax.struct.field(pytree_node=False, default="vector")
    finish: tuple[str, ...] = flax.struct.field(pytree_node=False, default=())

    @property
    def best_params(self) -> Any:
        """The parameters to validate and to export: the average where one is kept."""
        if self.average is None:
            return self.params
        averaged = averaged_part(self.params, self.finish)
        return unflatten({**flatten(self.params), **flatten(unpack(self.average, averaged))})


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


def split_quantiles(named: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The quantiles, and everything else, by name."""
    quantiles = {name: value for name, value in named.items() if name.rpartition("/")[2] == "quantiles"}
    return quantiles, {name: value for name, value in named.items() if name not in quantiles}


def split_trained(named: dict[str, Any], finish: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the first optimizer moves, and everything else, by name.

    Args:
        named: all parameters.
        finish: see `TrainState`; otherwise these are all but the quantiles.
    """
    if not finish:
        quantiles, others = split_quantiles(named)
        return others, quantiles
    trained = picture_only(named, finish)
    return {n: v for n, v in named.items() if n in trained}, {n: v for n, v in named.items() if n not in trained}


def averaged_part(params: Any, finish: tuple[str, ...]) -> Any:
    """The tree of parameters of which a moving average is kept."""
    return unflatten(split_trained(flatten(params), finish)[0]) if finish else params


def initial_state(
    params: Any,
    average: bool = False,
    optimizer: Optimizer | None = None,
    layout: Layout = "vector",
    finish: tuple[str, ...] = (),
) -> TrainState:
    """The state before the first step.

    Args:
        params: the model's.
        average: begins a moving average at the parameters.
        optimizer: of everything but the quantiles; None for Adam as released.
        layout: how the parameters lie before it.
        finish: see `TrainState`.
    """
    params = jax.tree.map(jnp.asarray, params)
    trained, _ = split_trained(flatten(params), finish)
    quantiles, _ = split_quantiles(flatten(params))
    # No learning rate decides how a state begins.
    main = (optimizer or Optimizer()).at(0.0).init(pack(trained, layout))
    second = QUANTILE_OPTIMIZER.at(QUANTILE_LEARNING_RATE).init(pack(quantiles, "vector"))
    zero = jnp.zeros((), jnp.int32)
    kept = pack(jax.tree.map(jnp.copy, averaged_part(params, finish)), layout) if average else None
    return TrainState(zero, params, main, second, kept, zero, zero, layout, finish)


def first_moments(state: TrainState) -> Any:
    """Adam's first moments in the structure of the parameters; 0 for the quantiles and others that are not its own."""
    trained, others = split_trained(flatten(state.params), state.finish)
    moments = unpack(state.optimizer.mu, trained)
    return unflatten({**{name: jnp.zeros_like(value) for name, value in others.items()}, **moments})
