"""A model bundle as a PyTorch checkpoint that the released code loads with every name in its place."""

from __future__ import annotations

import importlib.util
import io
import math
from pathlib import Path

import numpy as np

from cca_jax import install_hint
from cca_jax.bundles.bundle import Bundle
from cca_jax.config import ModelConfig
from cca_jax.convert.names import old_name, torch_from_params
from cca_jax.image_io.files import write_atomically

_TAIL_MASS = 1e-9  # CompressAI's, of the factorised density
_LIKELIHOOD_BOUND = 1e-9
_SCALE_BOUND = 0.11
_RELEASED_CONSTANTS = ("hyper_channels", "bottleneck_blocks", "head_channels")
"""Sizes that the released code takes from no argument."""


def write_checkpoint(bundle: Bundle, path: str | Path) -> str | None:
    """Writes {"state_dict": …} with torch, in float32; returns a line where the released code must be edited for it.

    The names are those of CompressAI up to 1.2.6, which later versions read too; the coding tables are empty, as in a
    training's checkpoint: the released code makes them itself (`update`). Bundles hold no auxiliary model, so the
    checkpoint is that of a model with `cca_training=False`.

    Raises:
        ImportError: torch is not installed.
        ValueError: the released code has no model of this kind.
        OSError: the file cannot be written.
    """
    if (reason := _unlike_released(bundle.config)) is not None:
        raise ValueError(f"model {bundle.name!r} {reason}, which the released code does not know: it cannot be written")
    if importlib.util.find_spec("torch") is None:
        raise ImportError(f"writing a PyTorch checkpoint needs torch, {install_hint('torch')}")
    import torch

    arrays = {**torch_from_params(bundle.params, bundle.config), **_buffers()}
    state = {old_name(name): torch.tensor(_native(array)) for name, array in arrays.items()}
    content = io.BytesIO()
    torch.save({"state_dict": state}, content)
    write_atomically(path, content.getvalue())
    return _note(bundle.config)


def _native(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, np.int32 if array.dtype.kind == "i" else np.float32)


def _buffers() -> dict[str, np.ndarray]:
    """What the released model's modules hold beside parameters, before their tables are made."""
    target = math.log(2 / _TAIL_MASS - 1)
    prior, conditional = "z_entropy_bottleneck.", "gaussian_conditional."
    buffers = {
        prior + "target": np.array([-target, 0, target]),
        conditional + "scale_table": np.zeros(0),
        conditional + "scale_bound": np.array([_SCALE_BOUND]),
        conditional + "lower_bound_scale.bound": np.array([_SCALE_BOUND]),
    }
    for module in (prior, conditional):
        buffers[module + "likelihood_lower_bound.bound"] = np.array([_LIKELIHOOD_BOUND])
        buffers |= {module + name: np.zeros(0, np.int32) for name in ("_offset", "_quantized_cdf", "_cdf_length")}
    return buffers


def _unlike_released(config: ModelConfig) -> str | None:
    """What the model has that the released code has no place for."""
    if config.rate_weights:
        return "is of several rates"
    if config.scale_source != "context":
        return "has scales of an integer network"
    if config.latent_density != "gaussian":
        return f"has {config.latent_density} latents"
    default = ModelConfig()
    for name in ("transforms", "context_rule", "entropy_model"):
        if getattr(config, name) != getattr(default, name):
            return f"has the {name} {getattr(config, name)!r}"
    for name in ("explicit_slices", "hyper_width", "analysis_blocks"):
        if getattr(config, name) != getattr(default, name):
            return f"has sizes of its own ({name})"
    return None


def _note(config: ModelConfig) -> str | None:
    default = ModelConfig()
    other = [name for name in _RELEASED_CONSTANTS if getattr(config, name) != getattr(default, name)]
    if not other:
        return None
    return f"the released code has other sizes in its text ({', '.join(other)}): edit them there to load this model"
