"""What a model's configuration must fulfil: pure functions of it, each raising ValueError in one line."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cca_jax.config.model_config import ModelConfig

MAX_EXACT_CHANNELS = 112
"""Channels that a layer of integers may sum over: the sums stay under 2**24 (`integer_network.arithmetic`)."""
MAX_EXACT_CONTEXT = 244
"""Channels of decoded slices that the integer network may read, whose surprises lie within ±60."""
_MAX_LAST_INPUTS = 1007  # 3×3 taps of the base's channels and one of the branch's, two biases: again under 2**24

_MAX_SLICES = 30  # a file holds 31 streams, one of them for z
_MAX_EXPONENT = 10
_TUPLES = {"transform_channels": 3, "transform_blocks": 3, "head_channels": 2}
_NAMES = ("transforms", "context_rule", "entropy_model")
_NO_SIZES = ("slice_exponent", "rate_weights", "scale_source", "latent_density", *_NAMES)


def listed(name: str, value: Any, length: int | None) -> tuple[Any, ...]:
    """A field of several numbers as a tuple; lists come from JSON, and a configuration must be hashable."""
    if not isinstance(value, (list, tuple)) or length not in (None, len(value)):
        raise ValueError(f"{name} needs {'several' if length is None else length} numbers, got {value!r}")
    return tuple(value)


def tuples(config: ModelConfig) -> dict[str, tuple[Any, ...]]:
    """All fields of several numbers, checked for their lengths."""
    values = {name: listed(name, getattr(config, name), length) for name, length in _TUPLES.items()}
    values["explicit_slices"] = listed("explicit_slices", config.explicit_slices, None)
    values["analysis_blocks"] = listed("analysis_blocks", config.analysis_blocks, 3 if config.analysis_blocks else None)
    return values


def rate_weights(weights: Any) -> tuple[float, ...]:
    """The rate weights as numbers: none, or at least two that fall."""
    if not isinstance(weights, (list, tuple)) or any(type(weight) not in (int, float) for weight in weights):
        raise ValueError(f"rate_weights must be numbers, got {weights!r}")
    falling = all(0 < low < high < math.inf for high, low in itertools.pairwise(weights))
    if len(weights) == 1 or not falling:
        raise ValueError(f"rate_weights must be none, or at least two that fall and stay above 0: {list(weights)}")
    return tuple(map(float, weights))


def check_sizes(config: ModelConfig) -> None:
    """Sizes are whole, widths that are halved even, and the slices those of the latent."""
    exponent = config.slice_exponent
    if type(exponent) not in (int, float) or not abs(exponent) <= _MAX_EXPONENT:
        raise ValueError(f"slice_exponent must be a number from -{_MAX_EXPONENT} to {_MAX_EXPONENT}: {exponent!r}")
    sizes = dataclasses.asdict(config)
    for name in _NO_SIZES:
        del sizes[name]
    for name, value in sizes.items():
        _check_whole(name, value if isinstance(value, tuple) else (value,))
    if config.num_slices > _MAX_SLICES:
        raise ValueError(f"num_slices must be at most {_MAX_SLICES}, got {config.num_slices}")
    if any(channels % 2 for channels in config.transform_channels):
        raise ValueError(f"transform_channels must be even (bottlenecks halve them), got {config.transform_channels}")
    explicit = config.explicit_slices
    if explicit and (len(explicit) != config.num_slices or sum(explicit) != config.latent_channels):
        raise ValueError(
            f"explicit_slices must be {config.num_slices} numbers (num_slices) that sum to {config.latent_channels} "
            f"(latent_channels), got {explicit}"
        )
    if min(config.slice_sizes) < 1:
        raise ValueError(
            f"{config.latent_channels} latent channels in {config.num_slices} slices leave an empty slice "
            f"{config.slice_sizes}: use more channels, fewer slices or a smaller slice_exponent"
        )


def check_names(config: ModelConfig) -> None:
    """Parts are named by text; whether they are registered is found where a model is made of them."""
    for name in _NAMES:
        if not isinstance(getattr(config, name), str) or not getattr(config, name):
            raise ValueError(f"{name} must be the name of a part, got {getattr(config, name)!r}")


def check_choices(config: ModelConfig, choices: dict[str, tuple[str, ...]]) -> None:
    """Fields that name one of a few things do."""
    for name, values in choices.items():
        if getattr(config, name) not in values:
            raise ValueError(f"{name} must be one of {', '.join(values)}, got {getattr(config, name)!r}")


def check_exact_scales(config: ModelConfig) -> None:
    """In a model of exact scales no sum of its integer network can reach 2**24, whatever its input."""
    if not config.exact_scales:
        return
    source = config.scale_source
    for name in ("hyper_channels", "scale_channels"):
        if getattr(config, name) > MAX_EXACT_CHANNELS:
            raise ValueError(f"{name} must be at most {MAX_EXACT_CHANNELS} with {source}")
    if source != "context_exact":
        return
    context = config.slice_edges[-2]
    if context > MAX_EXACT_CONTEXT:
        raise ValueError(f"the slices before the last have {context} channels: {source} reads {MAX_EXACT_CONTEXT}")
    if 9 * config.scale_channels + config.scale_context_channels > _MAX_LAST_INPUTS:
        raise ValueError(
            f"9 · scale_channels + scale_context_channels must be at most {_MAX_LAST_INPUTS} with {source}, got "
            f"9 · {config.scale_channels} + {config.scale_context_channels}"
        )


def _check_whole(name: str, values: tuple[Any, ...]) -> None:
    smallest = 0 if name.endswith("_blocks") or name == "hyper_width" else 1
    if any(type(value) is not int or value < smallest for value in values):
        raise ValueError(f"{name} must hold whole numbers of at least {smallest}, got {values}")
