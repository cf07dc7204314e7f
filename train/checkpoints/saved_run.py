"""A run's folder read back: its configuration, and the state of a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from train.checkpoints.checkpoints import Checkpoints, abstract
from train.checkpoints.layouts import convert
from train.recipe.config import TrainConfig
from train.step.mesh import own_copy, place
from train.step.optimizers.layout import Layout
from train.step.placement import abstract_state, state_layout, state_shapes, state_shardings
from train.step.state import TrainState

CONFIG = "config.json"
"""The file of a run that holds its configuration."""
LAYOUT = "layout"
"""Which of a checkpoint's facts says how its optimizer's state lies."""


def read_config(folder: Path) -> TrainConfig:
    """The configuration of a run.

    Raises:
        ValueError: the folder holds no run, or its configuration cannot be used.
    """
    path = folder / CONFIG
    try:
        values = json.loads(path.read_text())
        if not isinstance(values, dict):
            raise ValueError("it is no JSON object")
        return TrainConfig.from_dict(values)
    except FileNotFoundError as error:
        raise ValueError(f"{folder} holds no run: there is no {CONFIG} in it") from error
    except (ValueError, OSError, TypeError) as error:
        raise ValueError(f"{path} is not the configuration of a run: {error}") from error


def read_run(
    folder: Path, best: bool = False, tell: Callable[[str], object] = str
) -> tuple[TrainConfig, TrainState, dict[str, Any]]:
    """Configuration, state and facts of a run's newest whole checkpoint, or of its best.

    Args:
        folder: the run's.
        best: which.
        tell: called with a line about each checkpoint that is not whole.

    Raises:
        ValueError: the folder holds no run, or one without a checkpoint.
    """
    config = read_config(folder)
    device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])

    def template(facts: dict[str, Any]) -> TrainState:
        return abstract(state_shapes(config, stored_layout(facts)), device)

    with Checkpoints(folder, tell=tell) as checkpoints:
        state, metadata = checkpoints.restore(template, best)
    return config, state, metadata


def stored_layout(facts: dict[str, Any]) -> Layout:
    """The layout of a saved state, which the facts of runs before there were two do not say."""
    return facts.get(LAYOUT, "vector")


def restore_state(checkpoints: Checkpoints, config: TrainConfig, mesh: Mesh) -> tuple[TrainState, dict[str, Any]]:
    """The newest state of a run and its facts, on these devices and in the layout that is best on them.

    A state may come from other devices, sharded or not, and from the other layout; then through the host's memory.
    """
    wanted = state_layout(config, mesh)

    def template(facts: dict[str, Any]) -> TrainState:
        if stored_layout(facts) == wanted:
            return abstract_state(config, mesh)
        shapes = state_shapes(config, stored_layout(facts))
        return jax.tree.map(lambda leaf: np.empty(leaf.shape, leaf.dtype), shapes)

    state, facts = checkpoints.restore(template)
    if stored_layout(facts) != wanted:
        state = place(convert(state, state_shapes(config, wanted)), state_shardings(config, mesh))
    return own_copy(state), facts
