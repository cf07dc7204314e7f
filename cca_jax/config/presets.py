"""The configurations that have a name: the released model, those that ship, and what the field compares with."""

from __future__ import annotations

from collections.abc import Mapping

from cca_jax.config.model_config import ModelConfig

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
    # One model for every rate, whose files decode alike everywhere; the deeper half of it encodes.
    "lite": ModelConfig(
        latent_channels=288,
        hyper_channels=48,
        transform_channels=(32, 64, 96),
        transform_blocks=(0, 1, 3),
        bottleneck_blocks=1,
        context_channels=32,
        context_blocks=1,
        head_channels=(24, 24),
        rate_weights=(128.0, 64.0, 32.0, 16.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.25, 0.125, 0.0625),
        scale_source="context_exact",
        scale_channels=32,
        latent_density="laplacian",
        scale_context_channels=64,
        explicit_slices=(6, 22, 45, 73, 142),  # uneven as in the paper, the last with 32 more
        hyper_width=76,
        analysis_blocks=(0, 2, 5),
    ),
    # The mean-and-scale hyperprior that the field compares with (Minnen et al. 2018), at its four lower rates.
    "mbt2018-mean": ModelConfig(
        latent_channels=192,
        hyper_channels=128,
        transform_channels=(128, 128, 128),
        transform_blocks=(0, 0, 0),
        bottleneck_blocks=0,
        num_slices=1,
        transforms="gdn",
        context_rule="none",
        entropy_model="mean_scale",
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
