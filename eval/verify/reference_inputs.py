"""What the user brings to a verification case: their photo, their checkpoint and their checkout's model.

Part of `dump_reference.py`, beside which it must lie; nothing of JAX. Facts about checkpoints: training wraps the
weights in `state_dict` beside the optimisers' states, parallel training puts `module.` in front of every name, and
CompressAI has named the factorised density's parameters in two ways (`_matrix0` up to 1.2.6, `matrices.0` since).
"""

from __future__ import annotations

import collections
import importlib
import io
import pickle
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

PROP_EXPONENT = 1.7  # slice k of 5 holds a share k^1.7 of y's channels
DENSITY_RENAMES = {"_matrix": "matrices.", "_bias": "biases.", "_factor": "factors."}  # CompressAI up to 1.2.6
DENSITY_ORDER = ("quantiles", "matrices", "biases", "factors")
BUFFER = re.compile(r"(_offset|_quantized_cdf|_cdf_length|scale_table|target|bound)$")
GIVE_UP = (OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError)


def write_case(name: str, text: str, arrays: dict[str, np.ndarray]) -> None:
    """Writes NAME.npz and NAME.json, each whole or not at all, the one that names the other last."""
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    for path, data in ((f"{name}.npz", content.getvalue()), (f"{name}.json", text.encode())):
        part = Path(f"{path}.part")
        try:
            part.write_bytes(data)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


class BadInputError(Exception):
    """The user's input cannot make a case; the message is one line for the terminal."""


def load_image(path: str, crop: tuple[int, int]) -> np.ndarray:
    """The photo's centre as uint8 [1,3,H,W]: at most `crop` (height, width) pixels, each a multiple of 64."""
    try:
        pixels = np.asarray(Image.open(path).convert("RGB"))
    except (*GIVE_UP, Image.DecompressionBombError) as error:
        raise BadInputError(f"cannot read image {path}: {error}") from error
    height, width = pixels.shape[:2]
    h, w = min(height, crop[0]) // 64 * 64, min(width, crop[1]) // 64 * 64
    if not (h > 0 and w > 0):
        raise BadInputError(f"{path}: {height}x{width} pixels, crop at most {crop[0]}x{crop[1]}: under 64 on a side")
    top, left = (height - h) // 2, (width - w) // 2
    return np.ascontiguousarray(pixels[top : top + h, left : left + w].transpose(2, 0, 1)[None])


def canonical_name(name: str) -> str:
    """A parameter's name without `module.` in front and with the newer of CompressAI's two density namings."""
    name = re.sub(r"^(module\.)+", "", name)
    return re.sub(r"(?<![^.])(_matrix|_bias|_factor)(?=\d+$)", lambda found: DENSITY_RENAMES[found[1]], name)


def read_checkpoint(path: str) -> dict[str, torch.Tensor]:
    """A checkpoint's parameters in float32 by canonical name, without the buffers; runs no code from the file."""
    allow = getattr(torch.serialization, "add_safe_globals", None)
    if allow:  # the learning-rate scheduler beside the weights keeps its milestones in a Counter
        allow([collections.Counter])
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except GIVE_UP as error:  # torch's own text advises to load without weights_only, which would run a stranger's code
        why = error.strerror if isinstance(error, OSError) else f"not a file of plain tensors ({type(error).__name__})"
        raise BadInputError(f"cannot read checkpoint {path}: {why}") from error
    for key in ("state_dict", "model_state_dict", "model", "net"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not state or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise BadInputError(f"{path} holds no state_dict: expected a dictionary of tensors, bare or under 'state_dict'")
    weights = {canonical_name(name): value.float() for name, value in state.items() if not BUFFER.search(name)}
    if not any(name.startswith("aux_entropymodel.") for name in weights):
        raise BadInputError(
            f"{path} holds inference weights only (no aux_entropymodel.*): a case needs a training checkpoint"
        )
    return weights


def infer_config(weights: dict[str, torch.Tensor]) -> dict[str, Any]:
    """The model's sizes (M, ae_dim, em_dim, ae_layers, em_layers) read from the shapes and names of its weights."""

    def blocks(prefix: str) -> int:
        """How many NAFBlocks lie directly under `prefix`: each has one `beta`."""
        return sum(bool(re.match(re.escape(prefix) + r"\d+\.beta$", name)) for name in weights)

    try:
        return {
            "M": weights["g_a.down.3.weight"].shape[0],
            "ae_dim": [weights[f"g_a.down.{i}.weight"].shape[0] for i in range(3)],
            "em_dim": weights["mean_NAF_transforms.0.in_conv.weight"].shape[0],
            "ae_layers": [blocks(f"g_a.blocks.{i}.") for i in range(3)],
            "em_layers": blocks("mean_NAF_transforms.0.blocks."),
        }
    except KeyError as error:
        raise BadInputError(f"the checkpoint is not of this model: it has no {error}") from error


def parameters_of(net: Any) -> dict[str, torch.nn.Parameter]:
    """The model's parameters by canonical name, in an order that does not depend on CompressAI's version."""
    named = {canonical_name(name): value for name, value in net.named_parameters()}
    parts = {name: re.match(rf"(.*bottleneck\.)({'|'.join(DENSITY_ORDER)})", name) for name in named}
    place: dict[str, int] = {}
    for i, name in enumerate(named):  # a density's parameters all take the place of its first
        part = parts[name]
        place.setdefault(part[1] if part else name, i)

    def order(name: str) -> tuple[int, int, str]:
        """The model's own order; within a density that of the newer naming, where quantiles come first."""
        part = parts[name]
        return (place[part[1]], DENSITY_ORDER.index(part[2]), name) if part else (place[name], 0, "")

    return {name: named[name] for name in sorted(named, key=order)}


def build_model(reference: str, config: dict[str, Any], weights: dict[str, torch.Tensor]) -> Any:
    """The checkout's own model of these sizes, holding these weights; every name and shape must match."""
    if not Path(reference, "models", "vae.py").is_file():
        raise BadInputError(f"{reference} is not a checkout of the reference: it has no models/vae.py")
    sys.path.insert(0, str(Path(reference).resolve()))
    try:
        model_class = importlib.import_module("models").LICAutoencoder
    except (ImportError, AttributeError) as error:
        raise BadInputError(f"cannot import the reference from {reference}: {error}") from error
    shares = [k**PROP_EXPONENT for k in range(1, 6)]
    net = model_class(prop_slices=shares, cca_training=True, **config)
    ours = parameters_of(net)
    if odd := sorted(ours.keys() ^ weights.keys()):
        raise BadInputError(f"checkpoint and model differ in {len(odd)} parameter names, first {odd[0]}")
    for name, parameter in ours.items():
        if parameter.shape != weights[name].shape:
            had, wanted = list(weights[name].shape), list(parameter.shape)
            raise BadInputError(f"{name} has shape {had}, the model of {config} needs {wanted}")
        parameter.data.copy_(weights[name])
    net.update(force=True)  # coding tables from these weights, whatever tables the checkpoint carried
    return net


def load_model(reference: str, checkpoint: str) -> tuple[Any, dict[str, Any]]:
    """The checkout's model holding the checkpoint's weights, and its sizes."""
    weights = read_checkpoint(checkpoint)
    config = infer_config(weights)
    return build_model(reference, config, weights), config
