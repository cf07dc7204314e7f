"""A model's first parameters, drawn by numpy.

The distributions are those of the modules' own initialisers (`CCAModel.init` works too, and a test compares them), but
nothing is compiled, where `init` takes a minute or more, and the draw is the same under every version of JAX. Parts
other than the paper's are drawn by their modules.
"""

from __future__ import annotations

import math
import re
import zlib
from typing import Any

import jax
import numpy as np

from cca_jax.config import ModelConfig
from cca_jax.model.blocks.priors import INITIAL_SCALE, initial_matrix_value
from cca_jax.model.integer_network.scales import INITIAL_BIAS
from cca_jax.model.parameters.shapes import drawn_by_modules, flatten, parameter_shapes, unflatten
from cca_jax.model.parts.chosen import networks_of_other_parts
from cca_jax.model.rates import initial_log_steps

# A transposed kernel's fan-in counts its output channels, as in PyTorch.
_TRANSPOSED = ("synthesis/up_", "hyper_mean_synthesis/", "hyper_scale_synthesis/")
_NUMBERED = re.compile(r"_\d$")


def initial_params(config: ModelConfig, seed: int, auxiliary: bool = True) -> dict[str, Any]:
    """Fresh parameters of `CCAModel(config)`, a pure function of the arguments; float32.

    Args:
        config: the model's sizes.
        seed: any integer; every array has its own stream of it.
        auxiliary: whether the auxiliary model gets its parameters.

    Raises:
        ValueError: a module has a parameter that nothing here says how to draw.
    """
    shapes = parameter_shapes(config, auxiliary)
    known = _drawn_by_parts(config, seed, auxiliary)
    if config.rate_weights:
        known["rates/log_step"] = initial_log_steps(config)
    return unflatten({name: known[name] if name in known else _draw(name, shapes, seed) for name in shapes})


def _drawn_by_parts(config: ModelConfig, seed: int, auxiliary: bool) -> dict[str, np.ndarray]:
    """The parameters of parts that are not the paper's, by the modules' own initializers."""
    networks = networks_of_other_parts(config)
    if not networks:
        return {}

    def draw(key: jax.Array) -> dict[str, jax.Array]:
        named = flatten(drawn_by_modules(config, auxiliary, key))
        return {name: value for name, value in named.items() if name.startswith(networks)}  # the rest is not compiled

    return {name: np.asarray(value) for name, value in jax.jit(draw)(jax.random.key(seed)).items()}


def _draw(name: str, shapes: Any, seed: int) -> np.ndarray:
    generator = np.random.default_rng((seed, zlib.crc32(name.encode())))
    module, _, leaf = name.rpartition("/")
    shape = shapes[name]
    kind = _NUMBERED.sub("", leaf)  # the factorized density numbers its layers
    if kind == "matrix":
        return np.full(shape, initial_matrix_value(int(leaf[-1])), np.float32)
    if leaf == "quantiles":
        return np.broadcast_to(np.array([-INITIAL_SCALE, 0, INITIAL_SCALE], np.float32), shape).copy()
    if name.endswith("exact_scales/last/bias"):
        return np.full(shape, INITIAL_BIAS, np.float32)
    if "exact_scales/context_" in module and module.endswith("/last"):
        return np.zeros(shape, np.float32)  # see `exact_context`
    kernel = shapes.get(f"{module}/kernel")
    if leaf in ("kernel", "bias") and kernel is not None:
        return _uniform(generator, _fan_in(module, kernel) ** -0.5, shape)
    if kind == "bias" and leaf != "bias":
        return _uniform(generator, 0.5, shape)
    if leaf == "scale":
        return np.ones(shape, np.float32)
    if leaf in ("beta", "gamma") or kind == "factor" or (leaf == "bias" and f"{module}/scale" in shapes):
        return np.zeros(shape, np.float32)
    raise ValueError(f"there is no rule for the first values of parameter {name}: add it to {__name__}")


def _uniform(generator: np.random.Generator, bound: float, shape: tuple[int, ...]) -> np.ndarray:
    return generator.uniform(-bound, bound, shape).astype(np.float32)


def _fan_in(module: str, kernel: tuple[int, ...]) -> int:
    if module.endswith("/depthwise"):
        return 9
    channels = kernel[-1] if module.startswith(_TRANSPOSED) else kernel[-2]
    return math.prod(kernel[-4:-2]) * channels


def parameter_count(params: Any) -> int:
    """Numbers in a tree of arrays."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))
