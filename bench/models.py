"""The models that are timed: installed ones, bundles, and presets with the weights that training starts from."""

from __future__ import annotations

from cca_jax.bundles.bundle import Bundle
from cca_jax.bundles.registry import list_models
from cca_jax.codec.codec import Codec, load_model
from cca_jax.config import PRESETS
from cca_jax.entropy_coding.coders import default_coder, get_coder
from cca_jax.model.parameters.initialize import initial_params

SEED = 0


def initial_bundle(preset: str) -> Bundle:
    """A preset's first weights, with which all shapes and all arithmetic are those of a trained model."""
    config = PRESETS[preset]
    return Bundle.build(preset, "first weights, for timing", config, initial_params(config, SEED, auxiliary=False))


def open_codec(name: str, coder: str | None) -> Codec:
    """The codec of an installed model or a folder, else that of a preset's first weights.

    Raises:
        ValueError: no such model and no such preset, or no such coder.
    """
    if name in PRESETS and name not in {model.name for model in list_models()}:
        return Codec(initial_bundle(name), default_coder() if coder is None else get_coder(coder))
    codec = load_model(name)
    return codec if coder is None else codec.with_coder(coder)
