"""A run's folder read back: its configuration, and the state of a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from cca_jax.model.parameters.shapes import parameter_shapes, unflatten
from train.checkpoints.checkpoints import Checkpoints, abstract
from train.recipe.config import TrainConfig
from train.step.step import TrainState, initial_state

CONFIG = "config.json"
"""The file of a run that holds its configuration."""


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


def state_shapes(config: TrainConfig) -> TrainState:
    """Shapes and types of a run's state, found without computing anything."""
    shapes = parameter_shapes(config.model, auxiliary=config.cca != "off")
    params = unflatten({name: jax.ShapeDtypeStruct(shape, np.float32) for name, shape in shapes.items()})
    return jax.eval_shape(lambda p: initial_state(p, average=config.ema_decay > 0), params)


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
    with Checkpoints(folder, tell=tell) as checkpoints:
        state, metadata = checkpoints.restore(abstract(state_shapes(config), device), best)
    return config, state, metadata
