"""The parameters a run begins with.

The order, always the same: the run's own checkpoint (with --resume), else what --init-from names, else a fresh draw.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from cca_jax.bundles.bundle import load_bundle
from cca_jax.bundles.registry import locate
from cca_jax.config import ModelConfig
from cca_jax.convert.checkpoint import read_checkpoint
from cca_jax.model.parameters.initialize import initial_params
from cca_jax.model.parameters.picture_only import picture_only
from cca_jax.model.parameters.shapes import AUXILIARY, flatten, unflatten
from train.checkpoints.checkpoints import BEST, Checkpoints
from train.checkpoints.saved_run import CONFIG, read_run
from train.init.auxiliary_init import auxiliary_from_main
from train.init.extend import differences, extended
from train.init.klt_init import with_klt_init
from train.recipe.config import TrainConfig

_TORCH_SUFFIXES = (".pth", ".tar", ".pt")


def starting_params(config: TrainConfig, source: str | None, tell: Callable[[str], None]) -> dict[str, Any]:
    """Fresh parameters, or those of `source`; an auxiliary model that it lacks begins as its main model.

    Args:
        config: the run.
        source: None, a run's folder (its best checkpoint, else its newest), a model's name or folder, or a PyTorch
            checkpoint.
        tell: called with a line on what was taken.

    Raises:
        ValueError: the source is none of these, or of sizes that it cannot be extended from (`train.init.extend`); or
            there is none, and the run is to finish a model; or what that trains are no parameters of the model.
    """
    fresh = initial_params(config.model, config.seed, auxiliary=config.cca != "off")
    if source is None and config.finish:
        raise ValueError("--finish needs --init-from: a model that has learned")
    picture_only(flatten(fresh), config.finished_parts)
    if source is None:
        return _with_first_parameters(fresh, config)
    params, learned = _read(Path(source), config.model, tell)
    for name in ("transforms", "context_rule", "entropy_model"):
        theirs, own = getattr(learned, name), getattr(config.model, name)
        if theirs != own:
            raise ValueError(f"--init-from {source} has the {name} {theirs!r}, this run {own!r}: they must be the same")
    loaded, ours = flatten(params), flatten(fresh)
    grown = differences(learned, config.model)
    if grown:
        loaded = extended(loaded, learned, config.model, ours)
    left_out = () if config.cca != "off" else AUXILIARY  # without the term an auxiliary model is of no use
    extra = [name for name in loaded if name not in ours and not name.startswith(left_out)]
    missing = [name for name in ours if name not in loaded and not name.startswith(AUXILIARY)]
    other = [name for name in ours if name in loaded and loaded[name].shape != ours[name].shape]
    if extra or missing or other:
        first = ", ".join([*missing, *extra, *other][:3])
        raise ValueError(f"--init-from {source} is of other sizes than this run ({first}): use its --preset")
    lacking = any(name not in loaded for name in ours)
    if lacking:
        loaded = {**auxiliary_from_main(loaded, config.model), **loaded}
    tell(f"starting from {source}" + ("; its auxiliary model begins as its main model" if lacking else ""))
    if learned.latent_density != config.model.latent_density:
        densities = f"{learned.latent_density}, this run's {config.model.latent_density}"
        tell(f"its latents are {densities}: its scales have to learn that")
    if grown:
        tell(f"extended: {'; '.join(grown)}")
    return unflatten({name: np.asarray(loaded.get(name, value), np.float32) for name, value in ours.items()})


def _with_first_parameters(fresh: dict[str, Any], config: TrainConfig) -> dict[str, Any]:
    if config.first_parameters == "drawn":
        return fresh
    weights = config.model.rate_weights or (config.rate_weight,)
    return with_klt_init(fresh, config.model, statistics.geometric_mean(weights))


def _read(source: Path, model: ModelConfig, tell: Callable[[str], None]) -> tuple[dict[str, Any], ModelConfig]:
    """Parameters, and the configuration that they were learned with."""
    if (source / CONFIG).is_file() and (source / BEST).is_dir():
        with Checkpoints(source) as checkpoints:
            best = checkpoints.best_step() is not None
        config, state, _ = read_run(source, best, tell)
        return jax.device_get(state.best_params), config.model
    if source.is_file() and source.suffix in _TORCH_SUFFIXES:
        params, note = read_checkpoint(source, model)
        if note is not None:
            tell(note)
        return params, dataclasses.replace(model, latent_density="gaussian")
    try:
        bundle = load_bundle(locate(source))
    except ValueError as error:
        raise ValueError(f"--init-from: {error}; or give a run's folder or a .pth.tar file") from error
    return bundle.params, bundle.config
