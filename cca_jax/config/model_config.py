"""The sizes and choices of a model: one frozen dataclass, the only place where a size has a default.

The defaults are the released configuration of "Causal Context Adjustment Loss for Learned Image Compression"
(NeurIPS 2024, section 4.1), so `ModelConfig()` and `PRESETS["paper"]` are the same thing.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

from cca_jax.config import checks

LATENT_STRIDE = 16
"""Pixels a side of one latent position: four strided convolutions."""
HYPER_STRIDE = 64
"""Pixels a side of one hyper-latent position; image sides are padded to a multiple of it."""

ScaleSource = Literal["context", "hyperprior_exact", "context_exact"]
"""What the scales of the latent's densities come from; see `ModelConfig.scale_source`."""
LatentDensity = Literal["gaussian", "laplacian"]
"""The family of the latent's densities; see `ModelConfig.latent_density`."""

LATER_FIELDS = (
    "rate_weights",
    "scale_source",
    "scale_channels",
    "latent_density",
    "scale_context_channels",
    "explicit_slices",
    "hyper_width",
    "analysis_blocks",
    "transforms",
    "context_rule",
    "entropy_model",
)
"""The fields that the first bundles did not have."""


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Sizes of a CCA model.

    Attributes:
        latent_channels: M, channels of the latent y.
        hyper_channels: Z, channels of the hyper-latent z.
        transform_channels: widths of the analysis transform at 1/2, 1/4 and 1/8 of the image's resolution;
            the synthesis transform mirrors them.
        transform_blocks: NAFBlocks at each of these resolutions.
        analysis_blocks: the same of the analysis transform alone; empty for as many as the synthesis transform has.
            What encodes may be deeper than what decodes.
        hyper_width: hidden width of the float hyper transforms; 0 for the last of `transform_channels`.
        bottleneck_blocks: ResidualBottlenecks at each of these resolutions.
        context_channels: width of the NAFStacks that read a slice's context.
        context_blocks: NAFBlocks in each of them.
        head_channels: the two hidden widths of the heads that give mean, scale and residual.
        num_slices: slices the latent is cut into.
        slice_exponent: slice k of 1..num_slices gets a share of the channels proportional to k ** slice_exponent.
        explicit_slices: the channels of each slice instead; empty for those shares.
        rate_weights: λ of each vector of step sizes that the model learns, falling, which is from low rate to high;
            between them it interpolates. Empty for a model of one rate, which is trained for a single λ and rounds
            its latent as it is.
        scale_source: "context", where a slice's scales are predicted from the hyperprior and the decoded slices, as
            in the paper; or "hyperprior_exact", where the integer network computes them from the hyper-latent's
            integers alone, the same on every machine; or "context_exact", where it also reads the integers of the
            decoded slices, which are the same everywhere too.
        scale_channels: width of that network.
        scale_context_channels: width of its branches that read decoded slices.
        latent_density: "gaussian", as in the paper, or "laplacian": scales that know little leave a mixture of wide and
            narrow Gaussians, which is closer to a Laplacian (whose scale is √2 standard deviations).
        transforms: image ↔ latent, by the name of a registered part: "naf", as in the paper; "gdn", of Ballé et al.
            2018, which has the widths `transform_channels` and no blocks; or a user's (`model.parts.chosen`).
        context_rule: which decoded slices a slice is predicted from: "causal", all before it, as in the paper; "none";
            or a user's (`model.recurrence`).
        entropy_model: hyper transforms and slice networks: "cca", as in the paper; "mean_scale", of Minnen et al. 2018,
            whose slices are predicted from the hyper-latent alone; or a user's.
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
    scale_context_channels: int = 48
    explicit_slices: tuple[int, ...] = ()
    hyper_width: int = 0
    analysis_blocks: tuple[int, ...] = ()
    transforms: str = "naf"
    context_rule: str = "causal"
    entropy_model: str = "cca"

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate_weights", checks.rate_weights(self.rate_weights))
        for name, value in checks.tuples(self).items():
            object.__setattr__(self, name, value)
        checks.check_sizes(self)
        checks.check_names(self)
        choices = {"scale_source": get_args(ScaleSource), "latent_density": get_args(LatentDensity)}
        checks.check_choices(self, choices)
        checks.check_exact_scales(self)

    @property
    def num_rates(self) -> int:
        """Vectors of step sizes, or 1 where there are none."""
        return max(1, len(self.rate_weights))

    @property
    def exact_scales(self) -> bool:
        """Whether the coded symbols depend on integers alone."""
        return self.scale_source != "context"

    @property
    def hyper_hidden(self) -> int:
        """Hidden width of the float hyper transforms."""
        return self.hyper_width or self.transform_channels[-1]

    @property
    def encoder_blocks(self) -> tuple[int, ...]:
        """NAFBlocks of the analysis transform at each resolution."""
        return self.analysis_blocks or self.transform_blocks

    @property
    def slice_sizes(self) -> tuple[int, ...]:
        """Channels of each slice, in coding order; they sum to `latent_channels`.

        Examples:
            >>> ModelConfig(latent_channels=320, num_slices=5, slice_exponent=1.7).slice_sizes
            (8, 28, 56, 92, 136)
        """
        if self.explicit_slices:
            return self.explicit_slices
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
        silent = [name for name in LATER_FIELDS if getattr(self, name) == defaults[name]]
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
