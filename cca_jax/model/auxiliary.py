"""The auxiliary entropy model of the CCA objective, which only training needs (paper section 3.3)."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.config import ModelConfig
from cca_jax.model.blocks.priors import FactorizedPrior
from cca_jax.model.integer_network.scales import ExactScales, scales_of_symbols
from cca_jax.model.noise import Noise
from cca_jax.model.outputs import AuxiliaryOutput
from cca_jax.model.parts.chosen import entropy_model_of
from cca_jax.model.parts.slice_model import Scales
from cca_jax.model.rates import RatePoint, in_steps, integer_rate_of
from cca_jax.ops.likelihoods.scales import scale_of_index
from cca_jax.ops.quantization.rounding import scale_gradient


class AuxiliaryModel(nn.Module):
    """The slices without the most recent of their context, and a factorised density over y."""

    config: ModelConfig
    compute_dtype: jax.typing.DTypeLike = jnp.float32
    remat: bool = False

    def setup(self) -> None:
        self.slices = entropy_model_of(self.config).slices(self.config, 1, self.compute_dtype, self.remat)
        self.prior = FactorizedPrior(self.config.latent_channels)
        if self.config.exact_scales:
            self.exact_scales = ExactScales(self.config, skip=1)

    def __call__(
        self,
        y: Float[Array, "B h w M"],
        hyper_mean: Float[Array, "B h w M"],
        scale_input: Array,
        noise: Noise | None,
        input_gradient: Float[Array, ""] | None = None,
        rate: RatePoint | None = None,
    ) -> AuxiliaryOutput:
        """Likelihoods of y under both densities; with noise on y + noise, without it on y rounded.

        With an `input_gradient`, the slices send their inputs a gradient multiplied by it, and p_f sends none.

        Args:
            y: the latent.
            hyper_mean: μ_h.
            scale_input: σ_h, like y; with exact scales the hyper-latent's integers [B, H/64, W/64, Z].
            noise: see `Noise`.
            input_gradient: a factor, or None for 1.
            rate: of a model of several rates, completed. Both densities are then of y in steps.
        """
        seen = in_steps(y, rate)
        if input_gradient is not None:
            seen = jax.lax.stop_gradient(seen)
            y, hyper_mean, scale_input, rate = jax.tree.map(
                lambda v: scale_gradient(v, input_gradient), (y, hyper_mean, scale_input, rate)
            )
        scales: Array | Scales = scale_input
        if self.config.scale_source == "context_exact":
            scales = scales_of_symbols(self.exact_scales, scale_input, integer_rate_of(rate))
        elif self.config.exact_scales:
            scales = scale_of_index(self.exact_scales(scale_input, integer_rate_of(rate)))
        own_noise = None if noise is None else noise.y_aux
        likelihood = self.slices.likelihood(y, hyper_mean, scales, own_noise, rate).likelihoods
        noisy = self.prior.quantize(seen) if noise is None else seen + noise.y_factorized
        return AuxiliaryOutput(likelihood, self.prior.likelihood(noisy))

    def quantile_loss(self) -> Float[Array, ""]:
        """See `FactorizedPrior.quantile_loss`."""
        return self.prior.quantile_loss()
