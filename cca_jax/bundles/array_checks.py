"""Whether a weights' file holds the arrays of its configuration: by its header, before any of them takes memory.

Which parameters a configuration has takes seconds to find out. Where programs are kept (`compile_cache`), so is that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cca_jax.compile_cache.environment import source_digest
from cca_jax.compile_cache.store import open_store
from cca_jax.config import ModelConfig
from cca_jax.model.parameters.shapes import compare_shapes, parameter_shapes
from cca_jax.model.parts.chosen import are_built_in

PARAMS = "params/"
"""What the names of a bundle's parameters begin with."""
_PARAMETER_TYPES = ("F16", "F32")
_PACKAGE = Path(__file__).parents[1]
_SOURCES = tuple(_PACKAGE / room for room in ("config", "model", "ops"))


class ArrayHeader(NamedTuple):
    """What a file says of an array: safetensors' name of the type, and the shape."""

    dtype: str
    shape: tuple[int, ...]


def read_headers(file: Any) -> dict[str, ArrayHeader]:
    """Of all arrays of an open safetensors file."""
    slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # it is no dict
    return {name: ArrayHeader(part.get_dtype(), tuple(part.get_shape())) for name, part in slices.items()}


def check_names_and_types(headers: Mapping[str, ArrayHeader], tables: Collection[str]) -> None:
    """Raises ValueError where an array is neither a table nor a parameter, or a parameter of another type."""
    if unknown := [name for name in headers if not name.startswith(PARAMS) and name not in tables]:
        raise ValueError(f"it holds arrays that no bundle has: {', '.join(sorted(unknown)[:4])}")
    for name, header in headers.items():
        if name.startswith(PARAMS) and header.dtype not in _PARAMETER_TYPES:
            raise ValueError(f"{name} is of {header.dtype} numbers, not of float16 or float32")


def check_parameters(headers: Mapping[str, ArrayHeader], config: ModelConfig) -> None:
    """Raises ValueError unless the parameters are those of the configuration, in names and shapes."""
    found = {n.removeprefix(PARAMS): header.shape for n, header in headers.items() if n.startswith(PARAMS)}
    compare_shapes(found, _shapes(config))


def _shapes(config: ModelConfig) -> Mapping[str, tuple[int, ...]]:
    store = open_store()
    if store is None or not are_built_in(config):  # whose code may change unnoticed
        return parameter_shapes(config, False)
    described = json.dumps([config.to_dict(), source_digest(_SOURCES)], sort_keys=True)
    key = f"cca_shapes-{hashlib.sha256(described.encode()).hexdigest()}"
    if (kept := store.get(key)) is not None:
        return {name: tuple(shape) for name, shape in json.loads(kept).items()}
    shapes = parameter_shapes(config, False)
    store.put(key, json.dumps(dict(shapes)).encode())
    return shapes
