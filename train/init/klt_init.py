"""First parameters that already code.

Freshly drawn networks take thousands of steps until a picture passes through them. These begin as a plain transform
codec: the transforms are a Karhunen–Loève transform of a Markov field and its inverse, every latent channel has the
scale that this field gives it, and nothing is predicted. What is learned from there on is everything such a codec
lacks. The hyper networks keep the variance of what they see: the hyper-latent says something from the beginning.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from cca_jax.config import ModelConfig
from cca_jax.model.integer_network.arithmetic import FRACTION_BITS
from cca_jax.model.parameters.shapes import AUXILIARY, flatten, unflatten
from cca_jax.ops.likelihoods.density import SCALE_FLOOR, SCALE_PER_DEVIATION
from cca_jax.ops.likelihoods.scales import SCALE_CEILING, SCALE_COUNT
from train.init.karhunen_loeve import karhunen_loeve

_GRAY = 0.5
_CONTRAST = 0.2
"""Standard deviation of a photo's pixels, in [0, 1]."""
_HYPER_GAIN = 3.0
"""Of the hyper-latent, beyond keeping the variance: the rounding that comes next must leave something of it."""
_FIRST_TAP = 2  # of a 5-tap kernel with padding 2 and stride 2: taps 2 and 3 see the position's own 2×2 block


def with_klt_init(params: Any, config: ModelConfig, rate_weight: float) -> Any:
    """The parameters that a model begins with instead of `params`.

    Args:
        params: freshly drawn, of `CCAModel(config)`, with or without an auxiliary model.
        config: the model's sizes.
        rate_weight: λ for which the latent's scale is chosen, so that a rounding step of 1 is the best there.

    Returns:
        The same tree with other leaves.
    """
    named = {name: np.array(value) for name, value in flatten(params).items()}
    gain = latent_gain(rate_weight)
    transform = karhunen_loeve((*config.transform_channels, config.latent_channels))
    _set_transforms(named, transform.axes, gain ** (1 / len(transform.axes)))
    scales = np.full(config.latent_channels, SCALE_FLOOR)
    unit = SCALE_PER_DEVIATION[config.latent_density]
    scales[: len(transform.deviations)] = unit * _CONTRAST * gain * transform.deviations
    for name in named:
        of_integers = "exact_scales/" in name and "/context_" not in name  # whose branches begin with what they have
        if name.endswith("/kernel") and ("hyper_" in name or of_integers):
            _keep_variance(named, name)
    named["hyper_analysis/last/kernel"] *= _HYPER_GAIN
    for prefix in ("", AUXILIARY):
        _set_entropy_model(named, prefix, config, np.maximum(scales, SCALE_FLOOR))
    return unflatten(named)


def latent_gain(rate_weight: float) -> float:
    """The gain of an orthonormal transform of images in [0, 1] for which 1 is the best rounding step.

    A step Δ costs 0.05 · 255² · Δ² / 12 in one of three colours and saves λ · log2 Δ bits: the sum is least at
    Δ² = 18 · λ / (0.05 · 255² · ln 2).
    """
    return math.sqrt(0.05 * 255**2 * math.log(2) / (18 * rate_weight))


def _set_transforms(named: dict[str, np.ndarray], stages: list[Float[np.ndarray, "2 2 I O"]], gain: float) -> None:
    """Makes the stride-2 layers these axes, each with that gain, and the residual blocks nothing."""
    for stage, axes in enumerate(stages):
        down, up = f"analysis/down_{stage}", f"synthesis/up_{len(stages) - 1 - stage}"
        inputs, used = axes.shape[2:]
        _embed(named[f"{down}/kernel"], gain * axes)
        _embed(named[f"{up}/kernel"], axes.swapaxes(2, 3) / gain)
        named[f"{down}/bias"][:used] = -_GRAY * gain * axes.sum((0, 1, 2)) if stage == 0 else 0
        named[f"{up}/bias"][:inputs] = _GRAY if stage == 0 else 0
    for name, value in named.items():
        if "/bottlenecks_" in name and "/expand/" in name:
            value[...] = 0


def _embed(kernel: np.ndarray, axes: Float[np.ndarray, "2 2 I O"]) -> None:
    """Makes these axes what the kernel's first outputs are; its other outputs stay as drawn."""
    inputs, outputs = axes.shape[2:]
    kernel[..., :outputs] = 0  # also what they would read of channels that carry nothing yet
    kernel[_FIRST_TAP : _FIRST_TAP + 2, _FIRST_TAP : _FIRST_TAP + 2, :inputs, :outputs] = axes


def _keep_variance(named: dict[str, np.ndarray], name: str) -> None:
    """Scales a kernel so that variance passes it: 2 / fan-in where an activation follows (He et al. 2015), else 1."""
    layer = name.split("/")[-2]
    kernel = named[name]
    fan_in = math.prod(kernel.shape[-4:-1]) / (4 if "synthesis/" in name and layer != "last" else 1)
    kernel *= math.sqrt((2 if layer in ("first", "second") else 1) / fan_in) / kernel.std()


def _set_entropy_model(
    named: dict[str, np.ndarray], prefix: str, config: ModelConfig, scales: Float[np.ndarray, " M"]
) -> None:
    """Predicts a mean of 0 and these scales everywhere, and corrects nothing."""
    for name, value in named.items():
        if name.startswith(f"{prefix}slices/") and name.endswith(("head/last/kernel", "head/last/bias")):
            value[...] = 0
        if name.startswith(f"{prefix}slices/residual_heads") and "/last/" in name:
            value[...] = 0
    if config.exact_scales and f"{prefix}exact_scales/last/bias" in named:
        index = np.log(scales / SCALE_FLOOR) / math.log(SCALE_CEILING / SCALE_FLOOR) * (SCALE_COUNT - 1)
        named[f"{prefix}exact_scales/last/bias"][...] = index / 2**FRACTION_BITS
        named[f"{prefix}exact_scales/last/kernel"][...] = 0
        return
    for index in range(config.num_slices):
        name = f"{prefix}slices/predictors_{index}/head/last/bias"
        if name in named:
            named[name][1] = scales[config.slice_edges[index] : config.slice_edges[index + 1]]
