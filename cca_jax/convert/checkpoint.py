"""A published PyTorch checkpoint as a model bundle. The only place that needs torch, and only to read the file."""

from __future__ import annotations

import importlib.util
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cca_jax import install_hint
from cca_jax.bundles.bundle import Bundle, check_new_folder, save_bundle
from cca_jax.config import resolve_config
from cca_jax.convert.names import params_from_torch

_CARD = """# {name}

Weights converted from the PyTorch checkpoint `{checkpoint}` by `cca-jax convert`. What they were trained on, and under
which licence they are, is what their publisher says. The auxiliary model, which only training needs, was left out.
"""


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of a checkpoint, by name.

    Only tensors are loaded: torch's `weights_only` refuses anything that would run code.

    Args:
        path: a `.pth.tar` file: a state dict, or a dict that holds one under "state_dict".

    Raises:
        ImportError: torch is not installed.
        ValueError: not such a file.
    """
    if importlib.util.find_spec("torch") is None:
        raise ImportError(f"reading a PyTorch checkpoint needs torch, {install_hint('torch')}")
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's remarks on pickle versions; what it cannot read it refuses
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError) as error:
        raise ValueError(f"{path}: is not a PyTorch checkpoint of tensors: give a published .pth.tar file") from error
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not any(isinstance(v, torch.Tensor) for v in content.values()):
        raise ValueError(f"{path}: holds no state dict: give a published .pth.tar file")
    return {str(k): v.detach().float().numpy() for k, v in content.items() if isinstance(v, torch.Tensor)}


def convert_checkpoint(path: str | Path, out_dir: str | Path, preset: str = "paper") -> None:
    """Writes the bundle of a checkpoint.

    Args:
        path: the checkpoint, see `read_state_dict`.
        out_dir: folder to write; it must be empty or not exist.
        preset: see `resolve_config`.

    Raises:
        ImportError: torch is not installed.
        ValueError: the checkpoint or the preset is not what it should be, or they do not fit each other.
        OSError: a file cannot be read or written.
    """
    config = resolve_config(preset)
    check_new_folder(out_dir)
    params = params_from_torch(read_state_dict(path), config, auxiliary=False)
    name = Path(out_dir).resolve().name
    description = f"converted from {Path(path).name}"
    bundle = Bundle.build(name, description, config, params)
    save_bundle(bundle, out_dir, card=_CARD.format(name=name, checkpoint=Path(path).name))
