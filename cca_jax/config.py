"""The configuration of a model: one frozen dataclass, the only place where a size has a default.

The defaults are the released configuration of "Causal Context Adjustment Loss for Learned Image Compression"
(NeurIPS 2024, section 4.1), so `ModelConfig()` and `PRESETS["paper"]` are the same thing.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LATENT_STRIDE = 16
"""Pixels a side of one latent position: four strided convolutions."""
HYPER_STRIDE = 64
"""Pixels a side of one hyper-latent position; image sides are padded to a multiple of it."""

_MAX_SLICES = 30  # a file holds 31 streams, one of them for z
_MAX_EXPONENT = 10


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

    def __post_init__(self) -> None:
        for name, length in (("transform_channels", 3), ("transform_blocks", 3), ("head_channels", 2)):
            value = getattr(self, name)
            if not isinstance(value, (list, tuple)) or len(value) != length:
                raise ValueError(f"{name} needs {length} numbers, got {value!r}")
            object.__setattr__(self, name, tuple(value))  # lists come from JSON, and the config must be hashable
        sizes = dataclasses.asdict(self)
        exponent = sizes.pop("slice_exponent")
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

    @property
    def slice_sizes(self) -> tuple[int, ...]:
        """Channels of each slice, in coding order; they sum to `latent_channels`."""
        weights = [(k + 1) ** self.slice_exponent for k in range(self.num_slices)]
        unit = self.latent_channels / sum(weights)
        sizes = [math.floor(unit * weight) for weight in weights]
        sizes[-1] += self.latent_channels - sum(sizes)
        return tuple(sizes)

    def to_dict(self) -> dict[str, Any]:
        """The configuration as JSON-ready values, every field present."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

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
