"""The configuration of a model: one frozen dataclass, the only place where a size has a default.

The defaults are the released configuration of "Causal Context Adjustment Loss for Learned Image Compression"
(NeurIPS 2024, section 4.1), so `ModelConfig()` and `PRESETS["paper"]` are the same thing.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

LATENT_STRIDE = 16
"""Pixels a side of one latent position: four strided convolutions."""
HYPER_STRIDE = 64
"""Pixels a side of one hyper-latent position; image sides are padded to a multiple of it."""

ScaleSource = Literal["context", "hyperprior_exact"]
"""What the scales of the latent's densities come from; see `ModelConfig.scale_source`."""
LatentDensity = Literal["gaussian", "laplacian"]
"""The family of the latent's densities; see `ModelConfig.latent_density`."""
MAX_EXACT_CHANNELS = 112
"""Channels that a layer of integers may sum over: the sums stay under 2**24 (`model.integer_network.arithmetic`)."""

_MAX_SLICES = 30  # a file holds 31 streams, one of them for z
_MAX_EXPONENT = 10
_LATER_FIELDS = ("rate_weights", "scale_source", "scale_channels", "latent_density")  # than the first bundles


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Sizes of a CCA model.

    Attributes:
        latent_channels: M, channels of the latent y.
        hyper_channels: Z, channels of the hyper-latent z.
        transform_channels: widths of the analysis transform at 1/2, 1/4 and 1/8 of the image's resolution;
            the synthesis transform mirrors them.
        transform_blocks: NAFBlocks at each of these resolutions.
        bottleneck_blocks: ResidualBottlenecks at each of these resolutions.
        context_channels: width of the NAFStacks that read a slice's context.
        context_blocks: NAFBlocks in each of them.
        head_channels: the two hidden widths of the heads that give mean, scale and residual.
        num_slices: slices the latent is cut into.
        slice_exponent: slice k of 1..num_slices gets a share of the channels proportional to k ** slice_exponent.
        rate_weights: λ of each vector of step sizes that the model learns, falling, which is from low rate to high;
            between them it interpolates. Empty for a model of one rate, which is trained for a single λ and rounds
            its latent as it is.
        scale_source: "context", where a slice's scales are predicted from the hyperprior and the decoded slices, as
            in the paper; or "hyperprior_exact", where a network of integers computes them from the hyper-latent's
            integers alone, the same on every machine.
        scale_channels: width of that network.
        latent_density: "gaussian", as in the paper, or "laplacian": scales that know little leave a mixture of wide and
            narrow Gaussians, which is closer to a Laplacian (whose scale is √2 standard deviations).
    """

    latent_channels: int = 320
    hyper_channels: int = 192
    transform_channels: tuple[int, int, int] = (192, 224, 256)
    transform_blocks: tuple[int, int, int] = (4, 4, 4)
    bottleneck_blocks: int = 3
    context_channels: int = 224
    context_blocks: int = 4
    head_channels: tuple[int, int] = (224, 128)
    num_slices: int = 5
    slice_exponent: float = 1.7
    rate_weights: tuple[float, ...] = ()
    scale_source: ScaleSource = "context"
    scale_channels: int = 64
    latent_density: LatentDensity = "gaussian"

    def __post_init__(self) -> None:
        self._check_rates()
        for name, length in (("transform_channels", 3), ("transform_blocks", 3), ("head_channels", 2)):
            value = getattr(self, name)
            if not isinstance(value, (list, tuple)) or len(value) != length:
                raise ValueError(f"{name} needs {length} numbers, got {value!r}")
            object.__setattr__(self, name, tuple(value))  # lists come from JSON, and the config must be hashable
        sizes = dataclasses.asdict(self)
        exponent = sizes.pop("slice_exponent")
        for name in ("rate_weights", "scale_source", "latent_density"):
            del sizes[name]
        if type(exponent) not in (int, float) or not abs(exponent) <= _MAX_EXPONENT:
            raise ValueError(f"slice_exponent must be a number from -{_MAX_EXPONENT} to {_MAX_EXPONENT}: {exponent!r}")
        for name, value in sizes.items():
            _check_whole(name, value if isinstance(value, tuple) else (value,))
        if self.num_slices > _MAX_SLICES:
            raise ValueError(f"num_slices must be at most {_MAX_SLICES}, got {self.num_slices}")
        if any(channels % 2 for channels in self.transform_channels):
            raise ValueError(f"transform_channels must be even (bottlenecks halve them), got {self.transform_channels}")
        if min(self.slice_sizes) < 1:
            raise ValueError(
                f"{self.latent_channels} latent channels in {self.num_slices} slices leave an empty slice "
                f"{self.slice_sizes}: use more channels, fewer slices or a smaller slice_exponent"
            )
        self._check_scales()

    def _check_scales(self) -> None:
        for name, values in (("scale_source", get_args(ScaleSource)), ("latent_density", get_args(LatentDensity))):
            if getattr(self, name) not in values:
                raise ValueError(f"{name} must be one of {', '.join(values)}, got {getattr(self, name)!r}")
        for name in ("hyper_channels", "scale_channels"):
            if self.exact_scales and getattr(self, name) > MAX_EXACT_CHANNELS:
                raise ValueError(f"{name} must be at most {MAX_EXACT_CHANNELS} with hyperprior_exact")

    def _check_rates(self) -> None:
        weights = self.rate_weights
        if not isinstance(weights, (list, tuple)) or any(type(weight) not in (int, float) for weight in weights):
            raise ValueError(f"rate_weights must be numbers, got {weights!r}")
        object.__setattr__(self, "rate_weights", tuple(map(float, weights)))
        falling = all(0 < low < high < math.inf for high, low in itertools.pairwise(weights))
        if len(weights) == 1 or not falling:
            raise ValueError(f"rate_weights must be none, or at least two that fall and stay above 0: {list(weights)}")

    @property
    def num_rates(self) -> int:
        """Vectors of step sizes, or 1 where there are none."""
        return max(1, len(self.rate_weights))

    @property
    def exact_scales(self) -> bool:
        """Whether the coded symbols depend on integers alone."""
        return self.scale_source == "hyperprior_exact"

    @property
    def slice_sizes(self) -> tuple[int, ...]:
        """Channels of each slice, in coding order; they sum to `latent_channels`."""
        weights = [(k + 1) ** self.slice_exponent for k in range(self.num_slices)]
        unit = self.latent_channels / sum(weights)
        sizes = [math.floor(unit * weight) for weight in weights]
        sizes[-1] += self.latent_channels - sum(sizes)
        return tuple(sizes)

    @property
    def slice_edges(self) -> tuple[int, ...]:
        """Where each slice's channels begin in the latent, and last where they end: num_slices + 1 numbers."""
        return (0, *itertools.accumulate(self.slice_sizes))

    def to_dict(self) -> dict[str, Any]:
        """The configuration as JSON-ready values, every field present."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def to_hash(self) -> dict[str, Any]:
        """What names the configuration in a model's identity: `to_dict` without later fields that say nothing new.

        A field that came after the first models counts only where it differs from its default: a model that was made
        without the field keeps its name.
        """
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        silent = [name for name in _LATER_FIELDS if getattr(self, name) == defaults[name]]
        return {name: value for name, value in self.to_dict().items() if name not in silent}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelConfig:
        """A configuration from `to_dict`'s form.

        Fields left out take the defaults, so that a file written before a field existed still loads.

        Raises:
            ValueError: an unknown key, or a value out of range.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(f"unknown configuration keys {', '.join(unknown)}; known are {', '.join(known)}")
        return cls(**dict(values))


def _check_whole(name: str, values: tuple[Any, ...]) -> None:
    smallest = 0 if name.endswith("_blocks") else 1
    if any(type(value) is not int or value < smallest for value in values):
        raise ValueError(f"{name} must hold whole numbers of at least {smallest}, got {values}")


PRESETS: Mapping[str, ModelConfig] = {
    # The released model: 65 M parameters, 29 M more for the auxiliary model in training.
    "paper": ModelConfig(),
    # The model that ships with the package: small enough to be trained on two CPU cores.
    "starter": ModelConfig(
        latent_channels=96,
        hyper_channels=48,
        transform_channels=(32, 56, 80),
        transform_blocks=(0, 1, 1),
        bottleneck_blocks=1,
        context_channels=48,
        context_blocks=1,
        head_channels=(48, 40),
    ),
    # One model for every rate, whose files decode alike everywhere; most of its arithmetic is at low resolution.
    "lite": ModelConfig(
        latent_channels=256,
        hyper_channels=48,
        transform_channels=(32, 64, 76),
        transform_blocks=(0, 1, 3),
        bottleneck_blocks=1,
        context_channels=32,
        context_blocks=1,
        head_channels=(24, 24),
        rate_weights=(128.0, 64.0, 32.0, 16.0, 8.0, 4.0, 2.0, 1.0),
        scale_source="hyperprior_exact",
        scale_channels=32,
        latent_density="laplacian",
    ),
    # Every part once, as small as it gets: for tests and for reading traces.
    "tiny": ModelConfig(
        latent_channels=40,
        hyper_channels=8,
        transform_channels=(8, 8, 12),
        transform_blocks=(0, 1, 2),
        bottleneck_blocks=1,
        context_channels=8,
        context_blocks=1,
        head_channels=(12, 8),
    ),
}
"""Named configurations."""


def resolve_config(preset: str) -> ModelConfig:
    """A preset by name, or the configuration in a JSON file.

    Raises:
        ValueError: neither; or the file holds something else.
    """
    if preset in PRESETS:
        return PRESETS[preset]
    if not preset.endswith(".json"):
        raise ValueError(f"no preset {preset!r}: choose {', '.join(sorted(PRESETS))} or give a .json configuration")
    try:
        values: Any = json.loads(Path(preset).read_text())
        if not isinstance(values, dict):
            raise ValueError("it is no JSON object")
        return ModelConfig.from_dict(values)
    except ValueError as error:
        raise ValueError(f"{preset} holds no configuration ({error}): its keys are those of ModelConfig") from error
