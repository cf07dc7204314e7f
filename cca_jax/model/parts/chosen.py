"""The parts of a configuration, and the registration of others."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
from jaxtyping import Array

from cca_jax.config import LATENT_STRIDE, ModelConfig
from cca_jax.model.parts.gdn import GDNAnalysis, GDNSynthesis
from cca_jax.model.parts.mean_scale import MeanScaleHyperAnalysis, MeanScaleHyperSynthesis, MeanScaleSlices
from cca_jax.model.parts.naf import AnalysisTransform, HyperAnalysis, HyperSynthesis, SynthesisTransform
from cca_jax.model.parts.slice_model import SliceModel
from cca_jax.model.parts.slice_networks import SliceNetworks, picture_only_heads
from cca_jax.model.recurrence import BUILT_IN_RULES, context_of, context_rule_of, reads_context
from cca_jax.model.registry import Registry

PAPER_TRANSFORMS, PAPER_ENTROPY_MODEL = "naf", "cca"
_IMAGE_CHANNELS = 3
_TRANSFORM_NETWORKS = ("analysis/", "synthesis/")
_HYPER_NETWORKS = ("hyper_analysis/", "hyper_synthesis/", "hyper_mean_synthesis/", "hyper_scale_synthesis/")
_CODING_NETWORKS = (*_HYPER_NETWORKS, "slices/")
_ENTROPY_NETWORKS = (*_CODING_NETWORKS, "auxiliary/slices/")


@dataclasses.dataclass(frozen=True)
class Transforms:
    """Image ↔ latent.

    Attributes:
        analysis: makes g_a of (config, compute_dtype, remat): a module of (image [B, H, W, 3], region) to the latent
            [B, H/16, W/16, M].
        synthesis: makes g_s likewise: of (decoded latent, region) to the image.
    """

    analysis: Callable[..., nn.Module]
    synthesis: Callable[..., nn.Module]


def _none_of_them(config: ModelConfig) -> tuple[str, ...]:
    del config
    return ()


@dataclasses.dataclass(frozen=True)
class EntropyModel:
    """Latent ↔ hyper-latent, and what they say of the latent's densities.

    Attributes:
        hyper_analysis: makes h_a of a configuration: a module of (y in steps [B, H/16, W/16, M], region) to z
            [B, H/64, W/64, Z].
        hyper_synthesis: makes h_s of (config, channels): a module of (ẑ, region) to [B, H/16, W/16, channels].
        slices: makes the slices of (config, skip, compute_dtype, remat): a `SliceModel`.
        shared_synthesis: whether one h_s gives scales and then means, 2M channels; else each has its own.
        reads_context: whether slices are predicted from others; without, the context rule must be "none".
        picture_only: of a configuration, which parameters of these networks decide the decoded picture and nothing that
            is coded, by their names ("slices/refine/kernel") or the modules that they are of ("slices/refine").
    """

    hyper_analysis: Callable[..., nn.Module]
    hyper_synthesis: Callable[..., nn.Module]
    slices: Callable[..., SliceModel]
    shared_synthesis: bool = False
    reads_context: bool = True
    picture_only: Callable[[ModelConfig], Sequence[str]] = _none_of_them


_TRANSFORMS: Registry[Transforms] = Registry("transforms", "cca_jax.register_transforms")
_ENTROPY_MODELS: Registry[EntropyModel] = Registry("entropy model", "cca_jax.register_entropy_model")


def register_transforms(name: str, analysis: Callable[..., nn.Module], synthesis: Callable[..., nn.Module]) -> None:
    """Gives transforms the name by which `ModelConfig.transforms` chooses them.

    Args:
        name: anything that is not taken.
        analysis: a class of Flax modules with the fields config, compute_dtype and remat, or a function of these to a
            module; see `Transforms`.
        synthesis: likewise.

    Raises:
        ValueError: the name is taken, or no name.
    """
    _TRANSFORMS.register(name, Transforms(analysis, synthesis))


def register_entropy_model(
    name: str,
    *,
    hyper_analysis: Callable[..., nn.Module],
    hyper_synthesis: Callable[..., nn.Module],
    slices: Callable[..., SliceModel],
    shared_synthesis: bool = False,
    reads_context: bool = True,
    picture_only: Callable[[ModelConfig], Sequence[str]] = _none_of_them,
) -> None:
    """Gives an entropy model the name by which `ModelConfig.entropy_model` chooses it.

    Args:
        name: anything that is not taken.
        hyper_analysis: this and what follows is as in `EntropyModel`.
        hyper_synthesis: likewise.
        slices: likewise.
        shared_synthesis: likewise.
        reads_context: likewise.
        picture_only: likewise; a run that finishes a model trains them beside the synthesis transform. None by default.

    Raises:
        ValueError: the name is taken, or no name.
    """
    model = EntropyModel(hyper_analysis, hyper_synthesis, slices, shared_synthesis, reads_context, picture_only)
    _ENTROPY_MODELS.register(name, model)


register_transforms("naf", AnalysisTransform, SynthesisTransform)
register_transforms("gdn", GDNAnalysis, GDNSynthesis)
register_entropy_model(
    "cca",
    hyper_analysis=HyperAnalysis,
    hyper_synthesis=HyperSynthesis,
    slices=SliceNetworks,
    picture_only=picture_only_heads,
)
register_entropy_model(
    "mean_scale",
    hyper_analysis=MeanScaleHyperAnalysis,
    hyper_synthesis=MeanScaleHyperSynthesis,
    slices=MeanScaleSlices,
    shared_synthesis=True,
    reads_context=False,
)
_BUILT_IN = (frozenset(_TRANSFORMS.parts), BUILT_IN_RULES, frozenset(_ENTROPY_MODELS.parts))


def transforms_of(config: ModelConfig) -> Transforms:
    """The transforms that a configuration names; UnregisteredPartError where there are none."""
    return _TRANSFORMS.get(config.transforms)


def entropy_model_of(config: ModelConfig) -> EntropyModel:
    """The entropy model that a configuration names; UnregisteredPartError where there is none."""
    return _ENTROPY_MODELS.get(config.entropy_model)


def parts_of(config: ModelConfig) -> tuple[Any, ...]:
    """All parts that a configuration names: what its programs are made of beside the sizes.

    Raises:
        UnregisteredPartError: one is not registered.
        ValueError: the context rule is not causal, or one that the entropy model does not read.
    """
    parts = (transforms_of(config), context_rule_of(config), entropy_model_of(config))
    for index in range(config.num_slices):
        context_of(config, index, 0)
    if not parts[2].reads_context and reads_context(config):
        raise ValueError(
            f"the entropy model {config.entropy_model!r} predicts no slice from others: context_rule must be 'none', "
            f"got {config.context_rule!r}"
        )
    return parts


def picture_only_parts(config: ModelConfig) -> tuple[str, ...]:
    """Parameters that decide the decoded picture and nothing that is coded, or the modules that they are of, by name.

    They are the synthesis transform and what the entropy model declares.

    Raises:
        UnregisteredPartError: the entropy model is not registered.
        ValueError: it declares something that is not of its own networks.
    """
    declared = entropy_model_of(config).picture_only(config)
    are_names = not isinstance(declared, str) and all(isinstance(name, str) for name in declared)
    if not are_names or not all(f"{name}/".startswith(_CODING_NETWORKS) for name in declared):
        raise ValueError(
            f"the entropy model {config.entropy_model!r} declares as picture_only {declared!r}: it must be names of "
            f"parameters or modules within {', '.join(network.rstrip('/') for network in _CODING_NETWORKS)}"
        )
    return ("synthesis", *declared)


def networks_of_other_parts(config: ModelConfig) -> tuple[str, ...]:
    """What the names of parameters begin with that belong to other parts than the paper's; empty where none do."""
    networks = () if config.transforms == PAPER_TRANSFORMS else _TRANSFORM_NETWORKS
    return networks if config.entropy_model == PAPER_ENTROPY_MODEL else (*networks, *_ENTROPY_NETWORKS)


def are_the_papers(config: ModelConfig) -> bool:
    """Whether transforms and entropy model are the paper's, whose parameters are known by their names."""
    return not networks_of_other_parts(config)


def are_built_in(config: ModelConfig) -> bool:
    """Whether all parts are the package's own, whose code changes with its version alone."""
    names = (config.transforms, config.context_rule, config.entropy_model)
    return all(name in known for name, known in zip(names, _BUILT_IN, strict=True))


def check_latent(y: Array, image: Array, config: ModelConfig) -> Array:
    """The latent that the analysis transform made of an image; ValueError where it has other axes than it must."""
    batch, height, width, _ = image.shape
    expected = (batch, height // LATENT_STRIDE, width // LATENT_STRIDE, config.latent_channels)
    return _of_shape(y, expected, f"analysis transform of {config.transforms!r} makes of an image {image.shape}")


def check_image(x_hat: Array, y_hat: Array, config: ModelConfig) -> Array:
    """The image that the synthesis transform made of a latent, likewise."""
    batch, height, width, _ = y_hat.shape
    expected = (batch, height * LATENT_STRIDE, width * LATENT_STRIDE, _IMAGE_CHANNELS)
    return _of_shape(x_hat, expected, f"synthesis transform of {config.transforms!r} makes of a latent {y_hat.shape}")


def _of_shape(array: Array, expected: tuple[int, ...], what: str) -> Array:
    if array.shape != expected:
        raise ValueError(f"the {what} an array {array.shape}: it must be {expected}")
    return array
