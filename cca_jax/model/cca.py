"""The CCA model: transforms, priors and slices put together (paper figure 3).

`CCAModel.apply` is pure: noise is an argument, and without it the model rounds, as it does when it codes. The steps of
coding (`analyze`, `hyper_analyze`, `hyper_synthesize`, `predict_slice`, `refine_slice`, `synthesize`) are methods, so
that a codec runs them one by one through the same networks and the same recurrence; where its arrays are larger than
the image, it gives them a `ValidRegion`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from cca_jax.config import HYPER_STRIDE, ModelConfig
from cca_jax.model.auxiliary import AuxiliaryModel
from cca_jax.model.blocks.priors import FactorizedPrior
from cca_jax.model.integer_network.scales import ExactScales, ScaleSums, scales_of_symbols
from cca_jax.model.noise import Noise
from cca_jax.model.outputs import ModelOutput
from cca_jax.model.parts.chosen import check_image, check_latent, entropy_model_of, parts_of
from cca_jax.model.parts.slice_model import Code, SlicePrediction
from cca_jax.model.rates import RatePoint, StepSizes, in_steps, integer_rate_of, out_of_steps
from cca_jax.ops.likelihoods.scales import scale_of_index
from cca_jax.ops.precision import narrow
from cca_jax.ops.valid_region import ValidRegion


class CCAModel(nn.Module):
    """The learned image codec's networks.

    What the model is, the configuration says alone; the other attributes say how it is executed.

    Attributes:
        config: all sizes.
        compute_dtype: what the networks compute in, float32 or bfloat16. Parameters stay float32 and are cast where
            they are used; what the networks put out, rounding, densities and their likelihoods are float32 always.
        remat: whether the backward pass computes the networks' insides again instead of keeping them: less memory for
            about a third more time, the same gradients to rounding.
        synthesis_dtype: what the synthesis transform computes in, where that differs; None for `compute_dtype`.
    """

    config: ModelConfig
    compute_dtype: jax.typing.DTypeLike = jnp.float32
    remat: bool = False
    synthesis_dtype: jax.typing.DTypeLike | None = None

    def setup(self) -> None:
        transforms, _, entropy_model = parts_of(self.config)
        execution, channels = (self.compute_dtype, self.remat), self.config.latent_channels
        synthesis_dtype = self.compute_dtype if self.synthesis_dtype is None else self.synthesis_dtype
        self.analysis = transforms.analysis(self.config, *execution)
        self.synthesis = transforms.synthesis(self.config, synthesis_dtype, self.remat)
        self.hyper_analysis = entropy_model.hyper_analysis(self.config)
        if self.config.exact_scales:
            self.hyper_mean_synthesis = entropy_model.hyper_synthesis(self.config, channels)
            self.exact_scales = ExactScales(self.config)
        elif entropy_model.shared_synthesis:
            self.hyper_synthesis = entropy_model.hyper_synthesis(self.config, 2 * channels)
        else:
            self.hyper_mean_synthesis = entropy_model.hyper_synthesis(self.config, channels)
            self.hyper_scale_synthesis = entropy_model.hyper_synthesis(self.config, channels)
        self.hyper_prior = FactorizedPrior(self.config.hyper_channels)
        self.slices = entropy_model.slices(self.config, 0, *execution)
        self.auxiliary = AuxiliaryModel(self.config, self.compute_dtype, self.remat)
        if self.config.rate_weights:
            self.rates = StepSizes(self.config)

    def __call__(
        self,
        image: Float[Array, "B H W 3"],
        noise: Noise | None = None,
        *,
        rate: RatePoint | None = None,
        auxiliary: bool = True,
        auxiliary_gradient: Float[Array, ""] | None = None,
    ) -> ModelOutput:
        """The forward pass of training (with noise) and evaluation (rounding).

        Args:
            image: RGB in [0, 1]; H and W multiples of 64.
            noise: stands for rounding in the likelihoods; None evaluates them on rounded values.
            rate: in a model of several rates, where among them each image is.
            auxiliary: whether to run the auxiliary model; without it its parameters are not needed.
            auxiliary_gradient: for the stopped form of the objective, see `AuxiliaryModel`; None changes nothing.

        Raises:
            ValueError: sides that are no multiples of 64; a rate missing, or given to a model of one.
        """
        if image.ndim != 4 or image.shape[1] % HYPER_STRIDE or image.shape[2] % HYPER_STRIDE:
            raise ValueError(f"the model takes [B, H, W, 3] with sides in multiples of {HYPER_STRIDE}: {image.shape}")
        rate = self.complete_rate(rate)
        y = self.analyze(image)
        z = self.hyper_analyze(y, rate=rate)
        z_hat = self.hyper_prior.quantize(z)
        likelihood_z = self.hyper_prior.likelihood(z_hat if noise is None else z + noise.z)
        hyper_mean, known = self.hyper_synthesize(z_hat, rate=rate)
        integers = self.hyper_prior.integers(z_hat)
        hyper_scale = scales_of_symbols(self.exact_scales, integers, integer_rate_of(rate)) if known is None else known
        noise_y = None if noise is None else noise.y
        latent = self.slices.likelihood(y, hyper_mean, hyper_scale, noise_y, rate)
        y_hat = jnp.concatenate(latent.decoded, axis=-1)
        about_auxiliary = None
        if auxiliary:
            scale_input = integers if self.config.exact_scales else known
            about_auxiliary = self.auxiliary(y, hyper_mean, cast(Array, scale_input), noise, auxiliary_gradient, rate)
        step_sizes = jnp.ones((len(y), 1, 1, y.shape[-1])) if latent.step_sizes is None else latent.step_sizes
        latents = (y, z, y_hat, latent.means, latent.scales, step_sizes)
        return ModelOutput(self.synthesize(y_hat), latent.likelihoods, likelihood_z, *latents, about_auxiliary)

    @nn.nowrap
    def chosen_parts(self) -> tuple[Any, ...]:
        """The parts that its configuration names: its programs change with their code (`compile_cache`)."""
        return parts_of(self.config)

    def complete_rate(self, rate: RatePoint | None) -> RatePoint | None:
        """The point with Δ and the integer rate, by this model's parameters; ValueError if it is of another model."""
        several = rate is not None and rate.index is not None
        if several != bool(self.config.rate_weights):
            raise ValueError(f"a model of {self.config.num_rates} rates takes {'no' if several else 'a'} rate")
        return self.rates(cast(RatePoint, rate)) if several else rate

    def analyze(self, image: Float[Array, "B H W 3"], region: ValidRegion | None = None) -> Float[Array, "B h w M"]:
        """Image in [0, 1] to latent."""
        y = self.analysis(image, region).astype(image.dtype)
        return check_latent(y, image, self.config)

    def hyper_analyze(
        self, y: Float[Array, "B h w M"], region: ValidRegion | None = None, rate: RatePoint | None = None
    ) -> Float[Array, "B hz wz Z"]:
        """Latent, which it sees in steps, to hyper-latent."""
        return self._computed(self.hyper_analysis, in_steps(y, rate), region)

    def hyper_symbols(self, z: Float[Array, "B hz wz Z"]) -> Int32[Array, "B hz wz Z"]:
        """The integers that are coded for a hyper-latent."""
        return self.hyper_prior.symbols(z)

    def hyper_values(self, symbols: Int32[Array, "*axes Z"]) -> Float[Array, "*axes Z"]:
        """The decoded hyper-latent ẑ of such integers."""
        return self.hyper_prior.values(symbols)

    def hyper_likelihood(self, z: Float[Array, "*axes Z"]) -> Float[Array, "*axes Z"]:
        """p(z), of which the coding tables are made."""
        return self.hyper_prior.likelihood(z)

    def hyper_synthesize(
        self, z_hat: Float[Array, "B hz wz Z"], region: ValidRegion | None = None, rate: RatePoint | None = None
    ) -> tuple[Array, Array | None]:
        """Decoded hyper-latent to (μ_h, σ_h), both [B, H/16, W/16, M]; with exact scales the second is σ itself.

        Where σ also takes the slices' symbols, it is None.
        """
        if not self.config.exact_scales and entropy_model_of(self.config).shared_synthesis:
            scale, mean = jnp.split(self._computed(self.hyper_synthesis, z_hat, region), 2, axis=-1)
            return out_of_steps(mean, rate), scale
        mean = out_of_steps(self._computed(self.hyper_mean_synthesis, z_hat, region), rate)
        if self.config.scale_source == "context_exact":
            return mean, None
        if self.config.exact_scales:
            return mean, scale_of_index(self.scale_indexes(self.hyper_prior.integers(z_hat), region, rate))
        return mean, self._computed(self.hyper_scale_synthesis, z_hat, region)

    def scale_indexes(
        self, integers: Float[Array, "B hz wz Z"], region: ValidRegion | None = None, rate: RatePoint | None = None
    ) -> Float[Array, "B h w M"]:
        """The hyper-latent's integers to the table of each symbol, 0 … 63, in a model of "hyperprior_exact"."""
        return self.exact_scales(integers, integer_rate_of(rate), region)

    def scale_sums(
        self, integers: Float[Array, "B hz wz Z"], region: ValidRegion | None = None, rate: RatePoint | None = None
    ) -> ScaleSums:
        """What the hyper-latent's integers say of all tables, in a model of "context_exact"."""
        return self.exact_scales.of_hyper(integers, integer_rate_of(rate), region)

    def slice_indexes(
        self,
        index: int,
        hyper: ScaleSums,
        surprises: Sequence[Array],
        region: ValidRegion | None = None,
        rate: RatePoint | None = None,
    ) -> Float[Array, "B h w m"]:
        """The table of each symbol of slice `index`, there."""
        return self.exact_scales.of_slice(index, hyper, surprises, integer_rate_of(rate), region)

    def indexes_of_symbols(
        self,
        integers: Float[Array, "B hz wz Z"],
        symbols: Sequence[Array],
        region: ValidRegion | None = None,
        rate: RatePoint | None = None,
    ) -> list[Array]:
        """The tables of all slices' symbols, there, once these are known."""
        return self.exact_scales.of_symbols(integers, symbols, integer_rate_of(rate), region)

    def predict_slice(
        self,
        index: int,
        hyper_mean: Array,
        hyper_scale: Array | None,
        context: Sequence[Array],
        region: ValidRegion | None = None,
        rate: RatePoint | None = None,
    ) -> SlicePrediction:
        """What is known of slice `index` before it is coded."""
        return self.slices.predict(index, hyper_mean, hyper_scale, context, region, rate)

    def refine_slice(
        self,
        index: int,
        features: Array,
        dequantized: Array,
        region: ValidRegion | None = None,
        step_size: Array | None = None,
    ) -> Array:
        """The decoded slice from its dequantised values; Δ is the slice's own."""
        return self.slices.refine(index, features, dequantized, region, step_size)

    def code_latent(
        self,
        z_symbols: Int32[Array, "B hz wz Z"],
        code: Code,
        region: ValidRegion | None = None,
        rate: RatePoint | None = None,
    ) -> Float[Array, "B h w M"]:
        """The decoded latent by the whole recurrence at once; `code` supplies each dequantised slice."""
        hyper = self.hyper_synthesize(self.hyper_values(z_symbols), region, rate)
        return jnp.concatenate(self.slices.decode(*hyper, code, region, rate), axis=-1)

    def synthesize(self, y_hat: Float[Array, "B h w M"], region: ValidRegion | None = None) -> Float[Array, "B H W 3"]:
        """Decoded latent to image, not clamped."""
        x_hat = self.synthesis(y_hat, region).astype(y_hat.dtype)
        return check_image(x_hat, y_hat, self.config)

    def quantile_loss(self, auxiliary: bool = True) -> Float[Array, ""]:
        """The second optimiser's objective: summed over both factorised densities, moves their quantiles only."""
        loss = self.hyper_prior.quantile_loss()
        return loss + self.auxiliary.quantile_loss() if auxiliary else loss

    def _computed(self, network: nn.Module, x: Array, region: ValidRegion | None) -> Array:
        return network(narrow(x, self.compute_dtype), region).astype(x.dtype)
