"""Where a run's state lies: in which layout before the optimizer, and on which devices."""

from __future__ import annotations

import functools
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array

from cca_jax.model.parameters.shapes import flatten, parameter_shapes, unflatten
from train.recipe.config import TrainConfig, same_program
from train.step.exchange import whole_arrays
from train.step.mesh import place, replicated
from train.step.optimizers.layout import Layout
from train.step.optimizers.optimizer import Optimizer
from train.step.sharding import param_axes, tree_shardings
from train.step.state import TrainState, initial_state


def optimizer_of(config: TrainConfig) -> Optimizer:
    """The optimizer that a run asks for."""
    return Optimizer(config.optimizer, config.optimizer_options)


def state_layout(config: TrainConfig, mesh: Mesh | None = None) -> Layout:
    """How a run's parameters lie before the optimizer on these devices; None for a CPU."""
    on_cpu = mesh is None or mesh.devices.flat[0].platform == "cpu"
    as_vector = on_cpu and not config.shard_state and optimizer_of(config).elementwise
    return "vector" if as_vector else "arrays"


def state_shapes(config: TrainConfig, layout: Layout) -> TrainState:
    """Shapes and types of a run's state, found without computing anything."""
    shapes = parameter_shapes(config.model, auxiliary=config.cca != "off")
    params = unflatten({name: jax.ShapeDtypeStruct(shape, np.float32) for name, shape in shapes.items()})
    return jax.eval_shape(partial(_initial, config=config, layout=layout), params)


def state_shardings(config: TrainConfig, mesh: Mesh) -> TrainState:
    """How each array of a run's state lies on the devices."""
    return tree_shardings(state_shapes(config, state_layout(config, mesh)), mesh, config.shard_state)


def abstract_state(config: TrainConfig, mesh: Mesh) -> TrainState:
    """Shapes, types and shardings of a run's state on these devices, which may be of a topology only described."""
    shapes, shardings = state_shapes(config, state_layout(config, mesh)), state_shardings(config, mesh)
    return jax.tree.map(lambda s, on: jax.ShapeDtypeStruct(s.shape, s.dtype, sharding=on), shapes, shardings)


def first_state(params: Any, config: TrainConfig, mesh: Mesh) -> TrainState:
    """The state before the first step on the devices, of which none holds more than its part at any time.

    Args:
        params: NumPy arrays, the same in every process.
        config: the run.
        mesh: the devices.
    """
    return _beginner(same_program(config), mesh)(place(params, state_shardings(config, mesh).params))


def whole_params(params: Any, config: TrainConfig, mesh: Mesh) -> Any:
    """A run's parameters, or their average, whole on every device."""
    return _gatherer(mesh)(params) if config.shard_state else params


@functools.lru_cache(maxsize=8)
def _beginner(config: TrainConfig, mesh: Mesh) -> Any:
    begin = partial(_initial, config=config, layout=state_layout(config, mesh))
    return jax.jit(begin, out_shardings=state_shardings(config, mesh))


def _initial(params: Any, config: TrainConfig, layout: Layout) -> TrainState:
    # Copies: a step gives its state's buffers away, and those of the parameters may be somebody else's memory.
    params = jax.tree.map(jnp.copy, params)
    return initial_state(params, config.ema_decay > 0, optimizer_of(config), layout, config.finished_parts)


@functools.lru_cache(maxsize=2)
def _gatherer(mesh: Mesh) -> Any:
    def gather(params: Any) -> dict[str, Array]:
        named = flatten(params)
        return unflatten(whole_arrays(named, mesh, param_axes(named, mesh)))

    return jax.jit(gather, out_shardings=replicated(mesh))
