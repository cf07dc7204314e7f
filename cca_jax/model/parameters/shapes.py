"""Which parameters a configuration has: their tree and shapes, found without computing anything."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import flax.traverse_util
import jax
import jax.numpy as jnp

from cca_jax.config import HYPER_STRIDE, ModelConfig
from cca_jax.model.cca import CCAModel
from cca_jax.model.rates import RatePoint

AUXILIARY = "auxiliary/"
"""What the names of the auxiliary model's parameters begin with."""


@lru_cache(maxsize=8)
def parameter_shapes(config: ModelConfig, auxiliary: bool) -> Mapping[str, tuple[int, ...]]:
    """Names, joined by "/", and shapes of all parameters."""
    tree = jax.eval_shape(partial(drawn_by_modules, config, auxiliary), jax.random.key(0))
    return {name: leaf.shape for name, leaf in flatten(tree).items()}


def drawn_by_modules(config: ModelConfig, auxiliary: bool, key: jax.Array) -> Any:
    """Parameters as the modules' own initializers draw them; to be traced, since running it takes minutes."""
    image = jnp.zeros((1, HYPER_STRIDE, HYPER_STRIDE, 3))
    rate = RatePoint.of_row(config, 0) if config.rate_weights else None
    return CCAModel(config).init(key, image, rate=rate, auxiliary=auxiliary)["params"]


def flatten(params: Mapping[str, Any]) -> dict[str, Any]:
    """Nested parameters to one level, keys joined by "/"."""
    return flax.traverse_util.flatten_dict(params, sep="/")


def unflatten(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flatten`."""
    return flax.traverse_util.unflatten_dict(arrays, sep="/")


def check_shapes(shapes: Mapping[str, tuple[int, ...]], config: ModelConfig, auxiliary: bool) -> None:
    """Raises ValueError unless these are exactly the parameters of the configuration."""
    compare_shapes(shapes, parameter_shapes(config, auxiliary))


def compare_shapes(shapes: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raises ValueError unless both name the same parameters and shapes; the second are a configuration's."""
    for what, names in (("missing", set(expected) - set(shapes)), ("unknown", set(shapes) - set(expected))):
        if names:
            first = ", ".join(sorted(names)[:4])
            raise ValueError(f"{len(names)} {what} parameters for this configuration: {first} …")
    for name, shape in expected.items():
        if tuple(shapes[name]) != shape:
            raise ValueError(f"parameter {name} has shape {tuple(shapes[name])}, the configuration needs {shape}")
