"""A model's first parameters, drawn by numpy.

The distributions are those of the modules' own initialisers (`CCAModel.init` works too, and a test compares them), but
nothing is compiled, where `init` takes a minute or more, and the draw is the same under every version of JAX.
"""

from __future__ import annotations

import math
import zlib
from typing import Any

import jax
import numpy as np

from cca_jax.config import ModelConfig
from cca_jax.model.integer_network.scales import INITIAL_BIAS
from cca_jax.model.parameters.shapes import parameter_shapes, unflatten
from cca_jax.model.priors import INITIAL_SCALE, initial_matrix_value
from cca_jax.model.rates import initial_log_steps

# A transposed kernel's fan-in counts its output channels, as in PyTorch.
_TRANSPOSED = ("synthesis/up_", "hyper_mean_synthesis/", "hyper_scale_synthesis/")


def initial_params(config: ModelConfig, seed: int, auxiliary: bool = True) -> dict[str, Any]:
    """Fresh parameters of `CCAModel(config)`, a pure function of the arguments; float32.

    Args:
        config: the model's sizes.
        seed: any integer; every array has its own stream of it.
        auxiliary: whether the auxiliary model gets its parameters.
    """
    shapes = parameter_shapes(config, auxiliary)
    arrays = {name: _draw(name, shapes, seed) for name in shapes}
    if config.rate_weights:
        arrays["rates/log_step"] = initial_log_steps(config)
    return unflatten(arrays)


def _draw(name: str, shapes: Any, seed: int) -> np.ndarray:
    generator = np.random.default_rng((seed, zlib.crc32(name.encode())))
    module, _, leaf = name.rpartition("/")
    shape = shapes[name]
    kind = leaf.split("_")[0]
    if kind == "matrix":
        return np.full(shape, initial_matrix_value(int(leaf[-1])), np.float32)
    if kind == "quantiles":
        return np.broadcast_to(np.array([-INITIAL_SCALE, 0, INITIAL_SCALE], np.float32), shape).copy()
    if kind == "scale":
        return np.ones(shape, np.float32)
    if name.endswith("exact_scales/last/bias"):
        return np.full(shape, INITIAL_BIAS, np.float32)
    if "exact_scales/context_" in module and module.endswith("/last"):
        return np.zeros(shape, np.float32)  # see `exact_context`
    kernel = shapes.get(f"{module}/kernel")
    if kind in ("kernel", "bias") and (kernel is not None or leaf != "bias"):
        bound = 0.5 if kernel is None else _fan_in(module, kernel) ** -0.5
        return generator.uniform(-bound, bound, shape).astype(np.float32)
    return np.zeros(shape, np.float32)  # LayerNorm biases, β, γ and the density's factors


def _fan_in(module: str, kernel: tuple[int, ...]) -> int:
    if module.endswith("/depthwise"):
        return 9
    channels = kernel[-1] if module.startswith(_TRANSPOSED) else kernel[-2]
    return math.prod(kernel[-4:-2]) * channels


def parameter_count(params: Any) -> int:
    """Numbers in a tree of arrays."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))
