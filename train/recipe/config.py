"""The configuration of a run: everything that decides what it computes, saved beside its checkpoints."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any, Literal

from cca_jax.config import HYPER_STRIDE, ModelConfig
from cca_jax.model.parts.chosen import are_the_papers, picture_only_parts
from cca_jax.model.recurrence import reads_context
from cca_jax.objective.loss import CCAForm, Distortion
from cca_jax.objective.metrics import MS_SSIM_MIN_SIDE
from train.recipe.durations import Duration
from train.recipe.optimizers import RELEASED, parse_optimizer_options

Precision = Literal["float32", "bfloat16"]
DecayShape = Literal["drop", "cosine", "fall"]
RateProxy = Literal["noise", "rounded"]
FirstParameters = Literal["drawn", "coding"]
CropWeight = Literal["photo", "area"]


_NO_TIME, _THOUSAND = Duration(0), Duration(1000)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """A run.

    Attributes:
        model: the model's sizes.
        data: folder of photos, or "tfds:NAME".
        duration: length of the run.
        drop_at: when the learning rate drops (decay "drop") and the rate weight takes its target value.
        batch_size: crops of an optimiser step, over all devices and accumulated parts.
        patch_size: side of a crop in pixels, a multiple of 64.
        rate_weight: λ, the target.
        first_rate_weight: the rate weight before `drop_at`.
        optimizer: of everything but the quantiles: "adam" as released, or one of optax by its name there.
        optimizer_options: its options, "weight_decay=0.01,b2=0.95"; empty for its defaults.
        learning_rate: of the optimizer; the quantiles' own is fixed.
        learning_rate_decay: "drop" (×0.1 at `drop_at`, as released), "cosine" (to a hundredth over the whole run) or
            "fall" (constant, then a cosine to a hundredth over the last `fall`).
        fall: the end of a run of that decay. Until it begins, a resumed run may still become longer or shorter.
        warmup: the learning rate rises linearly over this length.
        hyper_warmup: the share of the hyper-latent's rate that counts rises linearly from 0 over this length.
        clip_norm: bound of the gradients' global norm.
        loss: distortion of the objective.
        rate_proxy: of what the rate is computed: of the latent with uniform noise, as released, or of its rounded
            values, as a file has it, with gradients straight through. Noise makes gradients that mean something; it
            also makes a symbol that is hardly ever other than 0 cost more than it does.
        cca: form of its CCA term; "off" builds no auxiliary model.
        cca_weight: α.
        cca_warmup: α rises linearly over this length: an auxiliary model that has not learned yet says nothing of what
            a slice could do without, and its gradient can make a run diverge.
        finish: trains what decides pictures and nothing that is coded (`finished_parts`), on rounded latents as files
            have them; all else keeps its values, so that files stay what they were.
        precision: of the networks' arithmetic; likelihoods and parameters are float32 always. With `finish`, of the
            synthesis transform's alone: latents are those of float32 networks, as files have them.
        remat: computes activations again in the backward pass instead of keeping them.
        kernel_memory: MiB of a TPU's on-chip memory that a kernel may take for what it works on; less is less code,
            compiled in less time (docs/training/accelerators.md). 0 leaves it to the compiler, None takes what suits
            the chip. Elsewhere it changes nothing.
        accumulate: parts in which a batch is worked off, one after the other.
        ema_decay: of the moving average of the parameters, which is then what is validated and exported; 0 keeps none.
        shard_state: parameters, optimizer states and average lie divided among the devices instead of whole on each.
        photos_on_device: every device holds all photos, decoded, and cuts its crops itself (`step.device_crops`): the
            host then does nothing for a step.
        photo_memory: MiB of each device's memory that they may take, four bytes a pixel.
        crop_weight: there, whether every photo gives equally many crops or as many as its area says.
        steps_per_call: there, steps in one call of the device, between which nothing is told or saved.
        validation_photos: photos held out where the data has no split for it.
        first_parameters: of a run without --init-from: as drawn, or of a plain transform codec (`train.init.klt_init`).
        seed: of the first parameters, the crops and the noise.
        nonfinite_limit: steps in a row without a finite gradient after which the run stops.
        log_every: steps between two lines of metrics.
        validate_every: between two validations.
        save_every: between two checkpoints.
        keep: checkpoints kept, beside the best.
    """

    model: ModelConfig
    data: str
    duration: Duration
    drop_at: Duration
    batch_size: int = 8
    patch_size: int = 256
    rate_weight: float = 1.8
    first_rate_weight: float = 0.3
    optimizer: str = RELEASED
    optimizer_options: str = ""
    learning_rate: float = 1e-4
    learning_rate_decay: DecayShape = "drop"
    fall: Duration = _NO_TIME
    warmup: Duration = _NO_TIME
    hyper_warmup: Duration = _NO_TIME
    clip_norm: float = 1.0
    loss: Distortion = "mse"
    rate_proxy: RateProxy = "noise"
    cca: CCAForm = "reference"
    cca_weight: float = 1.0
    cca_warmup: Duration = _NO_TIME
    finish: bool = False
    precision: Precision = "float32"
    remat: bool = False
    kernel_memory: int | None = None
    accumulate: int = 1
    ema_decay: float = 0.0
    shard_state: bool = False
    photos_on_device: bool = False
    photo_memory: int = 4096
    crop_weight: CropWeight = "photo"
    steps_per_call: int = 1
    validation_photos: int = 24
    first_parameters: FirstParameters = "drawn"
    seed: int = 0
    nonfinite_limit: int = 20
    log_every: int = 50
    validate_every: Duration = _THOUSAND
    save_every: Duration = _THOUSAND
    keep: int = 3

    def __post_init__(self) -> None:
        _check_counts(self)
        _check_ranges(self)
        for name, values in CHOICES.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{_flag(name)} must be one of {', '.join(values)}, got {getattr(self, name)!r}")
        if self.patch_size < HYPER_STRIDE or self.patch_size % HYPER_STRIDE:
            raise ValueError(f"--patch-size must be a multiple of {HYPER_STRIDE}, got {self.patch_size}")
        if self.loss == "ms-ssim" and self.patch_size < MS_SSIM_MIN_SIDE:
            raise ValueError(f"--loss ms-ssim needs --patch-size of at least {MS_SSIM_MIN_SIDE}, got {self.patch_size}")
        if self.learning_rate_decay == "fall" and not self.fall.amount:
            raise ValueError("--learning-rate-decay fall needs --fall, the length of the fall")
        if not self.photos_on_device and (self.crop_weight, self.steps_per_call) != ("photo", 1):
            raise ValueError("--crop-weight and --steps-per-call need --photos-on-device")
        if self.finish and (self.cca, self.rate_proxy) != ("off", "rounded"):
            raise ValueError("--finish trains nothing of the rates: it takes --cca off and --rate-proxy rounded")
        _check_parts(self)
        parse_optimizer_options(self.optimizer, self.optimizer_options)
        if self.batch_size % self.accumulate:
            raise ValueError(f"--batch-size {self.batch_size} is not divisible by --accumulate {self.accumulate}")

    @property
    def finished_parts(self) -> tuple[str, ...]:
        """The parts of the model that are trained alone where it is finished; empty where everything is trained."""
        return picture_only_parts(self.model) if self.finish else ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, every field present; durations as their text."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        texts = {name: str(value) for name, value in values.items() if isinstance(value, Duration)}
        return json.loads(json.dumps({**values, **texts, "model": self.model.to_dict()}))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainConfig:
        """A configuration from `to_dict`'s form.

        Raises:
            ValueError: an unknown or missing key, or a value out of range.
        """
        fields = {field.name: field for field in dataclasses.fields(cls)}
        if _FORMER in values:
            values = {**values, "kernel_memory": 8 if values[_FORMER] else 0}
            del values[_FORMER]
        if unknown := sorted(set(values) - set(fields)):
            raise ValueError(f"unknown keys {', '.join(unknown)}")
        needed = [name for name, field in fields.items() if field.default is dataclasses.MISSING]
        if missing := [name for name in needed if name not in values]:
            raise ValueError(f"missing keys {', '.join(missing)}")
        parsed: dict[str, Any] = {
            name: Duration.parse(value) if name in DURATIONS else value for name, value in values.items()
        }
        return cls(**{**parsed, "model": ModelConfig.from_dict(values["model"])})


_FORMER = "quick_compile"
"""What `kernel_memory` was for a while: 8 MiB, or as the compiler liked."""

DURATIONS = ("duration", "drop_at", "fall", "warmup", "hyper_warmup", "cca_warmup", "validate_every", "save_every")
"""The fields that are durations."""

CHOICES = {
    "learning_rate_decay": ("drop", "cosine", "fall"),
    "loss": ("mse", "ms-ssim"),
    "rate_proxy": ("noise", "rounded"),
    "cca": ("reference", "stopped", "off"),
    "precision": ("float32", "bfloat16"),
    "crop_weight": ("photo", "area"),
    "first_parameters": ("drawn", "coding"),
}
"""The fields with a set of values."""

REPORTING_ONLY = frozenset(
    {"nonfinite_limit", "log_every", "validate_every", "save_every", "keep", "photo_memory", "steps_per_call"}
)
"""The fields that a resumed run may change beside its length: they decide what is told and kept, nothing else."""


def same_program(config: TrainConfig) -> TrainConfig:
    """A configuration without what no program of a step depends on: the seed, the data and what is reported.

    The seed is an argument of those programs that this is used for.
    """
    plain: dict[str, Any] = {f.name: f.default for f in dataclasses.fields(config) if f.name in REPORTING_ONLY}
    return dataclasses.replace(config, **plain, data="", seed=0, validation_photos=1, first_parameters="drawn")


_COUNTS = ("batch_size", "validation_photos", "accumulate", "nonfinite_limit", "log_every", "keep", "photo_memory",
           "steps_per_call")  # fmt: skip


def _check_counts(config: TrainConfig) -> None:
    for name in _COUNTS:
        if getattr(config, name) < 1:
            raise ValueError(f"{_flag(name)} must be at least 1, got {getattr(config, name)}")
    if config.kernel_memory is not None and config.kernel_memory < 0:
        raise ValueError(f"--kernel-memory must be at least 0, got {config.kernel_memory}")


def _check_ranges(config: TrainConfig) -> None:
    for name in ("rate_weight", "first_rate_weight", "learning_rate", "clip_norm"):
        if not 0 < getattr(config, name) < math.inf:
            raise ValueError(f"{_flag(name)} must be above 0, got {getattr(config, name)}")
    for name in ("duration", "validate_every", "save_every"):
        if not getattr(config, name).amount > 0:
            raise ValueError(f"{'--steps' if name == 'duration' else _flag(name)} must be longer than 0")
    if not 0 <= config.ema_decay < 1:
        raise ValueError(f"--ema-decay must be at least 0 and below 1, got {config.ema_decay}")
    if not 0 <= config.cca_weight < math.inf:
        raise ValueError(f"--cca-weight must be at least 0, got {config.cca_weight}")
    if not 0 <= config.seed < 2**63:
        raise ValueError(f"--seed must be at least 0 and below 2**63, got {config.seed}")


def _check_parts(config: TrainConfig) -> None:
    if config.cca != "off" and not reads_context(config.model):
        raise ValueError(f"--cca {config.cca}: no slice of this model is predicted from another: use --cca off")
    if config.first_parameters == "coding" and not are_the_papers(config.model):
        raise ValueError("--first-parameters coding is for the paper's transforms and entropy model: use drawn")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
