"""A PyTorch checkpoint as a model bundle. Neither needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cca_jax.bundles.bundle import Bundle, check_new_folder, save_bundle
from cca_jax.config import ModelConfig, resolve_config
from cca_jax.convert.names import AUXILIARY, Params, check_weights, params_from_torch, weights_by_name
from cca_jax.convert.parameter_map import torch_shapes
from cca_jax.convert.pickles import Foreign
from cca_jax.convert.tensors import Tensor
from cca_jax.convert.torch_file import open_checkpoint
from cca_jax.convert.weights import choose_weights

_CARD = """# {name}

Weights converted from the PyTorch checkpoint `{checkpoint}` by `cca-jax convert`. What they were trained on, and under
which licence they are, is what their publisher says. The auxiliary model, which only training needs, was left out.
"""


def read_checkpoint(
    path: str | Path, config: ModelConfig, key: str | None = None, auxiliary: bool | None = None
) -> tuple[Params, str | None]:
    """The parameters that a checkpoint holds.

    Nothing of the file is run, and no number is read before names, shapes and types are known to be right.

    Args:
        path: a file that torch wrote: a state dict, or whatever holds one (`cca_jax.convert.weights`).
        config: the sizes the weights must have.
        key: which set of weights, where there are several.
        auxiliary: as for `params_from_torch`.

    Returns:
        The `params` collection, float32, and a line on what other weights there were.

    Raises:
        ValueError: not such a file, or not such weights.
        OSError: it cannot be read.
    """
    with open_checkpoint(path) as content:
        try:
            chosen, note = choose_weights(content, torch_shapes(config, True).__contains__, key)
            weights = weights_by_name(chosen.entries)
            if auxiliary is None:
                auxiliary = any(name.startswith(AUXILIARY) for name in weights)
            if not auxiliary:
                weights = {name: value for name, value in weights.items() if not name.startswith(AUXILIARY)}
            return params_from_torch(_read(weights, config, auxiliary), config, auxiliary=auxiliary), note
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error


def _read(weights: Mapping[str, Any], config: ModelConfig, auxiliary: bool) -> dict[str, np.ndarray]:
    for name, value in weights.items():
        if isinstance(value, Foreign):
            raise ValueError(f"{name} is a {value.what}, not a plain tensor: save plain tensors of floats")
    shapes = {name: value.shape if isinstance(value, Tensor) else () for name, value in weights.items()}
    check_weights(shapes, config, auxiliary)
    return {name: tensor.read(name) for name, tensor in weights.items()}


def convert_checkpoint(
    path: str | Path, out_dir: str | Path, preset: str = "paper", key: str | None = None
) -> str | None:
    """Writes the bundle of a checkpoint; returns a line on what other weights there were.

    Args:
        path: the checkpoint, see `read_checkpoint`.
        out_dir: folder to write; it must be empty or not exist.
        preset: see `resolve_config`.
        key: which set of weights, where there are several.

    Raises:
        ValueError: the checkpoint or the preset is not what it should be, or they do not fit each other.
        OSError: a file cannot be read or written.
    """
    config = resolve_config(preset)
    check_new_folder(out_dir)
    params, note = read_checkpoint(path, config, key, auxiliary=False)
    name = Path(out_dir).resolve().name
    description = f"converted from {Path(path).name}"
    bundle = Bundle.build(name, description, config, params)
    save_bundle(bundle, out_dir, card=_CARD.format(name=name, checkpoint=Path(path).name))
    return note
