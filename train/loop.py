"""A training run on one device: steps, validation, checkpoints, one JSON line a report."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from cca_jax.config import HYPER_STRIDE, ModelConfig
from cca_jax.model.cca import CCAModel, Noise
from cca_jax.model.initialise import initial_params
from cca_jax.objective import CCAForm, rate_distortion_cca
from train import checkpoint
from train.data import centre_crops, random_crops
from train.schedules import two_rate_weights, warmup_cosine
from train.step import StepReport, TrainState, initial_state, train_step


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run's result, saved beside its checkpoints.

    Attributes:
        model: the model's sizes.
        steps: optimiser steps in all.
        batch_size: crops a step.
        patch_size: their side in pixels, a multiple of 64.
        rate_weight: λ of the last part of the run.
        first_rate_weight: λ before `switch_fraction` of the steps are done.
        switch_fraction: where λ changes, in [0, 1].
        learning_rate: the schedule's peak.
        warmup_steps: steps of its rise.
        cca: form of the CCA objective.
        cca_weight: α.
        ema_decay: of the moving average of the weights that is validated and exported.
        validation_photos: photos held out of the folder.
        report_every: steps between two lines of metrics.
        save_every: steps between two validations and checkpoints.
        seed: of initial weights, crops and noise.
    """

    model: ModelConfig
    steps: int
    batch_size: int = 8
    patch_size: int = 128
    rate_weight: float = 1.8
    first_rate_weight: float = 2.0
    switch_fraction: float = 0.0
    learning_rate: float = 1e-4
    warmup_steps: int = 500
    cca: CCAForm = "reference"
    cca_weight: float = 1.0
    ema_decay: float = 0.999
    validation_photos: int = 24
    report_every: int = 50
    save_every: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "validation_photos", "report_every", "save_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.patch_size < HYPER_STRIDE or self.patch_size % HYPER_STRIDE:
            raise ValueError(f"patch_size must be a multiple of {HYPER_STRIDE}, got {self.patch_size}")
        if not (self.rate_weight > 0 and self.first_rate_weight > 0 and self.learning_rate > 0):
            raise ValueError("rate weights and the learning rate must be above 0")


_CHANGEABLE = frozenset({"steps", "report_every", "save_every"})


@flax.struct.dataclass
class RunState:
    """What a checkpoint holds: the optimisers' state and the moving average of the parameters."""

    train: TrainState
    ema: Any


def first_state(config: RunConfig) -> RunState:
    """The state of a run that has not begun."""
    params = initial_params(config.model, config.seed, auxiliary=config.cca != "off")
    state = initial_state(params)
    return RunState(state, jax.tree.map(jnp.array, state.params))


def run(config: RunConfig, photos: Sequence[np.ndarray], held_out: Sequence[np.ndarray], folder: Path, resume: bool,
        tell: Callable[[str], None]) -> RunState:  # fmt: skip
    """Trains until `config.steps`, from the start or from the folder's checkpoint.

    Args:
        config: the run; saved as config.json in the folder.
        photos: uint8 [H, W, 3], no side smaller than a patch.
        held_out: photos for validation.
        folder: receives config.json, metrics.jsonl and the checkpoint.
        resume: continue from the folder's checkpoint.
        tell: called with every line a person should see.
    """
    state = first_state(config)
    if resume:
        state = checkpoint.restore(folder, state)
    elif (folder / checkpoint.FILE_NAME).exists():
        raise ValueError(f"{folder} already holds a run: continue it with --resume, or name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    save_config(config, folder, resume)
    # Steps give their state's buffers away; one made of a NumPy array may be that array's memory, so all are copied.
    state = jax.tree.map(lambda leaf: jnp.copy(jnp.asarray(leaf)), state)
    step_function = jax.jit(partial(_step, config), donate_argnums=0)
    validate = jax.jit(partial(_validate, config))
    validation = jnp.asarray(centre_crops(held_out, min(256, *(min(p.shape[:2]) // 64 * 64 for p in held_out))))
    with (folder / "metrics.jsonl").open("a") as log:

        def report(kind: str, step: int, values: Any, seconds: float) -> None:
            numbers = {name: float(value) for name, value in _flat(values).items()}
            log.write(json.dumps({"kind": kind, "step": step, "seconds": round(seconds, 3), **numbers}) + "\n")
            log.flush()
            tell(f"{kind} {step}/{config.steps}  " + "  ".join(f"{k} {v:.4g}" for k, v in numbers.items()))

        started = time.monotonic()
        for step in range(int(state.train.step), config.steps):
            crops = random_crops(photos, config.seed, step, config.batch_size, config.patch_size)
            state, outcome = step_function(state, crops)
            if (step + 1) % config.report_every == 0:
                report("train", step + 1, outcome, (time.monotonic() - started) / config.report_every)
                started = time.monotonic()
            if (step + 1) % config.save_every == 0 or step + 1 == config.steps:
                report("validation", step + 1, validate(state.ema, validation), 0.0)
                checkpoint.save(folder, state)
                started = time.monotonic()
    return state


def save_config(config: RunConfig, folder: Path, resume: bool) -> None:
    """Writes config.json; a resumed run may change its length and how often it reports, nothing else.

    Raises:
        ValueError: the run in the folder was started with other options.
    """
    path, values = folder / "config.json", json.loads(json.dumps(dataclasses.asdict(config)))
    if resume:
        old = json.loads(path.read_text())
        changed = [key for key in values if key not in _CHANGEABLE and values[key] != old.get(key)]
        if changed:
            options = ", ".join(f"{key} was {old.get(key)}" for key in changed)
            raise ValueError(f"{folder} was started with other options: {options}; give the same, or start another run")
    path.write_text(json.dumps(values, indent=2) + "\n")


def _step(config: RunConfig, state: RunState, image: Array) -> tuple[RunState, StepReport]:
    step = state.train.step
    key = jax.random.fold_in(jax.random.key(config.seed), step)  # a resumed run draws what it would have drawn
    auxiliary = config.cca != "off"
    switch = round(config.switch_fraction * config.steps)
    train, report = train_step(
        CCAModel(config.model),
        state.train,
        image,
        Noise.sample(key, config.model, image.shape, auxiliary),
        learning_rate=warmup_cosine(config.learning_rate, config.steps, config.warmup_steps)(step),
        rate_weight=two_rate_weights(config.first_rate_weight, config.rate_weight, switch)(step),
        cca_weight=config.cca_weight,
        form=config.cca,
    )
    # Early averages would remember the random start: the decay grows to its value.
    decay = jnp.minimum(config.ema_decay, (1 + step) / (10 + step))
    ema = jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, state.ema, train.params)
    return RunState(train, ema), report


def _validate(config: RunConfig, params: Any, image: Array) -> Any:
    def one(photo: Array) -> Any:
        model = CCAModel(config.model)
        return rate_distortion_cca(model, params, photo[None], None, rate_weight=config.rate_weight, form=config.cca)[1]

    return jax.tree.map(jnp.mean, jax.lax.map(one, image))


def _flat(values: Any) -> dict[str, Any]:
    leaves = jax.tree_util.tree_leaves_with_path(values)
    return {path[-1].name: leaf for path, leaf in leaves}
