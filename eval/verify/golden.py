"""Verification cases: what the released PyTorch code computed, for weights, an image and noise that are known.

A case is NAME.json and NAME.npz. Weights are stored in it ("weights": "stored", arrays "w/<name>") or are a pure
function of its seed, as noise and probes always are. Everything in the files is in PyTorch's layouts; this module
converts all but the parameters' probes to ours.
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from cca_jax.config import HYPER_STRIDE, LATENT_STRIDE, ModelConfig
from cca_jax.convert.names import params_from_torch


@dataclasses.dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        facts: the JSON.
        arrays: the npz, PyTorch's layouts.
        config: the model's sizes.
    """

    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]
    config: ModelConfig

    def image(self) -> np.ndarray:
        """x, float32 [B, H, W, 3] in [0, 1]."""
        return self.image_uint8().astype(np.float32) / np.float32(255)

    def image_uint8(self) -> np.ndarray:
        """x, uint8 [B, H, W, 3]."""
        return nhwc(self.arrays["x_uint8"])

    def params(self) -> dict[str, Any]:
        """The parameters, ours.

        Raises:
            ValueError: the seed's rule gives other weights than the case's checksums, or they do not fit the config.
        """
        names = {entry["name"]: entry for entry in self.facts["parameters"]}
        stored = self.facts.get("weights") == "stored"
        weights = {n: self.arrays[f"w/{n}"] if stored else self._drawn(entry) for n, entry in names.items()}
        for name, checksum in self.facts.get("weights_crc32", {}).items():
            if zlib.crc32(np.ascontiguousarray(weights[name]).tobytes()) != checksum:
                raise ValueError(f"the weights of {name} are not those of the case: its checksum differs")
        return params_from_torch(weights, self.config, auxiliary=True)

    def noise(self, step: int) -> dict[str, Any]:
        """The noise of a training step by its names in `cca_jax.Noise`, each in ours."""
        batch = self.facts["batch"]
        height, width = self.facts["hw"]
        latent = (batch, self.config.latent_channels, height // LATENT_STRIDE, width // LATENT_STRIDE)
        hyper = (batch, self.config.hyper_channels, height // HYPER_STRIDE, width // HYPER_STRIDE)
        shapes = {"z": hyper, "y": latent, "y_factorized": latent, "y_aux": latent}
        draws = {tag: self._generator(f"noise:{step}:{tag}").uniform(-0.5, 0.5, shape) for tag, shape in shapes.items()}
        return {tag: nhwc(draw.astype(np.float32)) for tag, draw in draws.items()}

    def probe(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """The fixed direction along which a parameter's gradient or change is compared, PyTorch's layout."""
        return self._generator("probe:" + name).standard_normal(shape, dtype=np.float32)

    def _drawn(self, entry: dict[str, Any]) -> np.ndarray:
        noise = self._generator("w:" + entry["name"]).standard_normal(entry["shape"], dtype=np.float32)
        return np.float32(entry["mean"]) + np.float32(entry["std"]) * noise

    def _generator(self, tag: str) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(zlib.crc32(f"{self.facts['seed']}:{tag}".encode())))


def nhwc(array: np.ndarray) -> np.ndarray:
    """[B, C, H, W] to [B, H, W, C]."""
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1))


def load_case(path: str | Path) -> Case:
    """Reads NAME.json and, beside it, NAME.npz.

    Raises:
        ValueError: not a case.
        OSError: a file is missing or cannot be read.
    """
    path = Path(path)
    if path.suffix != ".json":
        raise ValueError(f"{path}: give the .json of a case")
    try:
        facts = json.loads(path.read_text())
        sizes = facts["config"]
        config = ModelConfig(
            latent_channels=sizes["M"],
            transform_channels=sizes["ae_dim"],
            transform_blocks=sizes["ae_layers"],
            context_channels=sizes["em_dim"],
            context_blocks=sizes["em_layers"],
            slice_exponent=facts["prop_exponent"],
        )
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as file:
            arrays = dict(file)
        missing = {"parameters", "seed", "batch", "hw", "rate_weight", "cca_weight", "eval", "code"} - set(facts)
        if missing:
            raise KeyError(", ".join(sorted(missing)))
        if facts.get("weights") == "stored" and not all(f"w/{p['name']}" in arrays for p in facts["parameters"]):
            raise KeyError("weights")
    except (LookupError, TypeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{path}: is not a verification case ({error!r}): make one with eval/dump_reference.py"
        ) from error
    return Case(facts, arrays, config)
