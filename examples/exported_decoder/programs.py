"""The exported functions, called by their names with arrays by theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import export
from safetensors import SafetensorError
from safetensors.numpy import load_file


class Programs:
    """A folder that `cca-jax export` made.

    Attributes:
        manifest: what it says of itself.
        tables: arrays of the entropy coder.
    """

    def __init__(self, folder: Path) -> None:
        """Reads manifest, tables and weights; a program when it is first called."""
        self._folder = folder
        try:
            self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
            known = self.manifest["format"] == 1 and self.manifest["programs"] == "stablehlo"
            self.tables = load_file(folder / self.manifest["tables"]["file"])
            weights = load_file(folder / self.manifest["weights"]["file"])
        except (KeyError, TypeError, SafetensorError) as error:
            raise ValueError(f"{folder} is no whole export ({error!r})") from error
        if not known:
            raise ValueError(f"{folder}: this program reads StableHLO programs of format 1")
        self._weights = {name: jax.device_put(array) for name, array in weights.items()}
        self._platform = {"gpu": "cuda"}.get(jax.default_backend(), jax.default_backend())
        self._compiled: dict[str, Any] = {}

    def __call__(self, name: str, **inputs: Any) -> dict[str, jax.Array]:
        """The outputs of a part; inputs that its program does not take are left out."""
        part = self.manifest["parts"][name]
        if name not in self._compiled:
            if self._platform not in part["files"]:
                raise ValueError(f"{self._folder} has no programs for {self._platform}: export with --platforms")
            self._compiled[name] = jax.jit(self._read(self._folder / part["files"][self._platform]["jax"]).call)
        weights = {key: self._weights[key] for key in part["weights"]}
        given = {key: _array(inputs[key], spec["dtype"]) for key, spec in part["inputs"].items()}
        return self._compiled[name](weights, given)

    def _read(self, path: Path) -> export.Exported:
        try:
            return export.deserialize(bytearray(path.read_bytes()))
        except (NotImplementedError, ValueError) as error:
            writer = self.manifest["made_with"]["jax"]
            raise ValueError(
                f"JAX {jax.__version__} does not read programs of JAX {writer} ({error}): export with a version near it"
            ) from error


def _array(value: Any, dtype: str) -> Any:
    """What came from another program stays on its device."""
    return value if isinstance(value, jax.Array) else np.asarray(value, dtype)
