"""The CCA learned image codec (NeurIPS 2024) in JAX/Flax.

Axes, in every docstring and annotation: B images, H and W pixels, h and w latent positions (H/16, W/16), hz and wz
hyper-latent positions (H/64, W/64), C channels, M latent channels, Z hyper-latent channels, m channels of a slice.
Arrays are NHWC. Bits per pixel are counted over the original, unpadded pixels.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cca_jax import convert
    from cca_jax.bundles.bundle import Bundle, save_bundle
    from cca_jax.codec.codec import Codec, load_model
    from cca_jax.codec.encoding import Encoding
    from cca_jax.config import PRESETS, ModelConfig
    from cca_jax.config.quality_scale import rate_index
    from cca_jax.model.cca import CCAModel
    from cca_jax.model.noise import Noise
    from cca_jax.model.outputs import ModelOutput
    from cca_jax.model.parameters.initialize import initial_params
    from cca_jax.model.parts.chosen import register_entropy_model, register_transforms
    from cca_jax.model.rates import RatePoint
    from cca_jax.model.recurrence import register_context_rule
    from cca_jax.objective.bits import bits_per_slice
    from cca_jax.objective.loss import ObjectiveTerms, rate_distortion_cca

__version__ = "0.1.0"

# Loaded when first used: the command line answers --help without paying for JAX.
_HOMES = {
    "Bundle": "cca_jax.bundles.bundle",
    "save_bundle": "cca_jax.bundles.bundle",
    "Codec": "cca_jax.codec.codec",
    "load_model": "cca_jax.codec.codec",
    "Encoding": "cca_jax.codec.encoding",
    "PRESETS": "cca_jax.config.presets",
    "ModelConfig": "cca_jax.config.model_config",
    "rate_index": "cca_jax.config.quality_scale",
    "CCAModel": "cca_jax.model.cca",
    "ModelOutput": "cca_jax.model.outputs",
    "Noise": "cca_jax.model.noise",
    "initial_params": "cca_jax.model.parameters.initialize",
    "RatePoint": "cca_jax.model.rates",
    "register_context_rule": "cca_jax.model.recurrence",
    "register_entropy_model": "cca_jax.model.parts.chosen",
    "register_transforms": "cca_jax.model.parts.chosen",
    "bits_per_slice": "cca_jax.objective.bits",
    "ObjectiveTerms": "cca_jax.objective.loss",
    "rate_distortion_cca": "cca_jax.objective.loss",
}

__all__ = [
    "PRESETS",
    "Bundle",
    "CCAModel",
    "Codec",
    "Encoding",
    "ModelConfig",
    "ModelOutput",
    "Noise",
    "ObjectiveTerms",
    "RatePoint",
    "bits_per_slice",
    "convert",
    "initial_params",
    "load_model",
    "rate_distortion_cca",
    "rate_index",
    "register_context_rule",
    "register_entropy_model",
    "register_transforms",
    "save_bundle",
]


def install_hint(extra: str) -> str:
    """How to install an extra: from a checkout, since no package index has this project."""
    return f"from a checkout of the project: pip install '.[{extra}]'"


def __getattr__(name: str) -> Any:
    if name == "convert":
        return importlib.import_module("cca_jax.convert")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'cca_jax' has no attribute {name!r}")
