"""The CCA model: transforms, priors and slices put together (paper figure 3).

`CCAModel.apply` is pure: noise is an argument, and without it the model rounds, as it does when it codes. The steps of
coding (`analyse`, `hyper_analyse`, `hyper_synthesise`, `predict_slice`, `refine_slice`, `synthesise`) are methods, so
that a codec runs them one by one through the same networks and the same recurrence; where its arrays are larger than
the image, it gives them an `Extent`.
"""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from cca_jax.config import HYPER_STRIDE, LATENT_STRIDE, ModelConfig
from cca_jax.model.extent import Extent
from cca_jax.model.priors import FactorisedPrior
from cca_jax.model.slices import SliceNetworks, SlicePrediction
from cca_jax.model.transforms import AnalysisTransform, HyperAnalysis, HyperSynthesis, SynthesisTransform
from cca_jax.ops.precision import narrow
from cca_jax.ops.rounding import scale_gradient


@flax.struct.dataclass
class Noise:
    """Uniform noise in [-½, ½) that stands for rounding in training; every user draws its own.

    Attributes:
        z: for p(z), [B, H/64, W/64, Z].
        y: for the slices of the main model, [B, H/16, W/16, M].
        y_factorized: for the factorised density of y, like y; None without the auxiliary model.
        y_aux: for the slices of the auxiliary model, like y; None without the auxiliary model.
    """

    z: Array
    y: Array
    y_factorized: Array | None = None
    y_aux: Array | None = None

    @classmethod
    def sample(cls, key: Array, config: ModelConfig, image_shape: Sequence[int], auxiliary: bool = True) -> Noise:
        """Noise for images of shape [B, H, W, 3] from a PRNG key."""
        batch, height, width = image_shape[:3]
        latent = (batch, height // LATENT_STRIDE, width // LATENT_STRIDE, config.latent_channels)
        hyper = (batch, height // HYPER_STRIDE, width // HYPER_STRIDE, config.hyper_channels)
        shapes = [hyper, latent] + ([latent, latent] if auxiliary else [])
        keys = jax.random.split(key, len(shapes))
        return cls(*(jax.random.uniform(k, s, minval=-0.5, maxval=0.5) for k, s in zip(keys, shapes, strict=True)))


@flax.struct.dataclass
class AuxiliaryOutput:
    """What the auxiliary entropy model says of the latent.

    Attributes:
        likelihood_y: p_aux(y) by the auxiliary slices, [B, H/16, W/16, M], in [1e-9, 1].
        likelihood_y_factorized: p_f(y) by the factorised density, likewise.
    """

    likelihood_y: Float[Array, "B h w M"]
    likelihood_y_factorized: Float[Array, "B h w M"]


@flax.struct.dataclass
class ModelOutput:
    """Everything a forward pass computes.

    Attributes:
        x_hat: reconstruction [B, H, W, 3], not clamped.
        likelihood_y: p(y) [B, H/16, W/16, M], in [1e-9, 1].
        likelihood_z: p(z) [B, H/64, W/64, Z], in [1e-9, 1].
        y: latent [B, H/16, W/16, M].
        z: hyper-latent [B, H/64, W/64, Z].
        y_hat: decoded latent, what the synthesis transform saw.
        auxiliary: None where the auxiliary model was not asked for.
    """

    x_hat: Float[Array, "B H W 3"]
    likelihood_y: Float[Array, "B h w M"]
    likelihood_z: Float[Array, "B hz wz Z"]
    y: Float[Array, "B h w M"]
    z: Float[Array, "B hz wz Z"]
    y_hat: Float[Array, "B h w M"]
    auxiliary: AuxiliaryOutput | None


class AuxiliaryModel(nn.Module):
    """The auxiliary entropy model: the slices that skip the most recent one, and a factorised density over y."""

    config: ModelConfig
    compute_dtype: jax.typing.DTypeLike = jnp.float32
    remat: bool = False

    def setup(self) -> None:
        self.slices = SliceNetworks(self.config, 1, self.compute_dtype, self.remat)
        self.prior = FactorisedPrior(self.config.latent_channels)

    def __call__(
        self,
        y: Float[Array, "B h w M"],
        hyper_mean: Float[Array, "B h w M"],
        hyper_scale: Float[Array, "B h w M"],
        noise: Noise | None,
        input_gradient: Float[Array, ""] | None = None,
    ) -> AuxiliaryOutput:
        """Likelihoods of y under both densities; with noise on y + noise, without it on y rounded.

        With an `input_gradient`, the slices send their inputs a gradient multiplied by it, and p_f sends none.
        """
        seen = y
        if input_gradient is not None:
            seen = jax.lax.stop_gradient(y)
            y, hyper_mean, hyper_scale = (scale_gradient(v, input_gradient) for v in (y, hyper_mean, hyper_scale))
        _, likelihood = self.slices.likelihood(y, hyper_mean, hyper_scale, None if noise is None else noise.y_aux)
        noisy = self.prior.quantise(seen) if noise is None else seen + noise.y_factorized
        return AuxiliaryOutput(likelihood, self.prior.likelihood(noisy))

    def quantile_loss(self) -> Float[Array, ""]:
        """See `FactorisedPrior.quantile_loss`."""
        return self.prior.quantile_loss()


class CCAModel(nn.Module):
    """The learned image codec's networks.

    What the model is, the configuration says alone; the other attributes say how it is executed.

    Attributes:
        config: all sizes.
        compute_dtype: what the networks compute in, float32 or bfloat16. Parameters stay float32 and are cast where
            they are used; what the networks put out, rounding, densities and their likelihoods are float32 always.
        remat: whether the backward pass computes the networks' insides again instead of keeping them: less memory for
            about a third more time, the same gradients to rounding.
    """

    config: ModelConfig
    compute_dtype: jax.typing.DTypeLike = jnp.float32
    remat: bool = False

    def setup(self) -> None:
        self.analysis = AnalysisTransform(self.config, self.remat)
        self.synthesis = SynthesisTransform(self.config, self.remat)
        self.hyper_analysis = HyperAnalysis(self.config)
        self.hyper_mean_synthesis = HyperSynthesis(self.config)
        self.hyper_scale_synthesis = HyperSynthesis(self.config)
        self.hyper_prior = FactorisedPrior(self.config.hyper_channels)
        self.slices = SliceNetworks(self.config, 0, self.compute_dtype, self.remat)
        self.auxiliary = AuxiliaryModel(self.config, self.compute_dtype, self.remat)

    def __call__(
        self,
        image: Float[Array, "B H W 3"],
        noise: Noise | None = None,
        *,
        auxiliary: bool = True,
        auxiliary_gradient: Float[Array, ""] | None = None,
    ) -> ModelOutput:
        """The forward pass of training (with noise) and evaluation (rounding).

        Args:
            image: RGB in [0, 1]; H and W multiples of 64.
            noise: stands for rounding in the likelihoods; None evaluates them on rounded values.
            auxiliary: whether to run the auxiliary model; without it its parameters are not needed.
            auxiliary_gradient: for the stopped form of the objective, see `AuxiliaryModel`; None changes nothing.

        Raises:
            ValueError: sides that are no multiples of 64.
        """
        if image.ndim != 4 or image.shape[1] % HYPER_STRIDE or image.shape[2] % HYPER_STRIDE:
            raise ValueError(f"the model takes [B, H, W, 3] with sides in multiples of {HYPER_STRIDE}: {image.shape}")
        y = self.analyse(image)
        z = self.hyper_analyse(y)
        z_hat = self.hyper_prior.quantise(z)
        likelihood_z = self.hyper_prior.likelihood(z_hat if noise is None else z + noise.z)
        hyper_mean, hyper_scale = self.hyper_synthesise(z_hat)
        own_noise = None if noise is None else noise.y
        decoded, likelihood_y = self.slices.likelihood(y, hyper_mean, hyper_scale, own_noise)
        y_hat = jnp.concatenate(decoded, axis=-1)
        told = self.auxiliary(y, hyper_mean, hyper_scale, noise, auxiliary_gradient) if auxiliary else None
        return ModelOutput(self.synthesise(y_hat), likelihood_y, likelihood_z, y, z, y_hat, told)

    def analyse(self, image: Float[Array, "B H W 3"], extent: Extent | None = None) -> Float[Array, "B h w M"]:
        """Image in [0, 1] to latent."""
        return self._computed(self.analysis, image, extent)

    def hyper_analyse(self, y: Float[Array, "B h w M"], extent: Extent | None = None) -> Float[Array, "B hz wz Z"]:
        """Latent to hyper-latent."""
        return self._computed(self.hyper_analysis, y, extent)

    def hyper_symbols(self, z: Float[Array, "B hz wz Z"]) -> Int32[Array, "B hz wz Z"]:
        """The integers that are coded for a hyper-latent."""
        return self.hyper_prior.symbols(z)

    def hyper_values(self, symbols: Int32[Array, "*axes Z"]) -> Float[Array, "*axes Z"]:
        """The decoded hyper-latent ẑ of such integers."""
        return self.hyper_prior.values(symbols)

    def hyper_likelihood(self, z: Float[Array, "*axes Z"]) -> Float[Array, "*axes Z"]:
        """p(z), of which the coding tables are made."""
        return self.hyper_prior.likelihood(z)

    def hyper_synthesise(self, z_hat: Float[Array, "B hz wz Z"], extent: Extent | None = None) -> tuple[Array, Array]:
        """Decoded hyper-latent to (μ_h, σ_h), both [B, H/16, W/16, M]."""
        mean, scale = self.hyper_mean_synthesis, self.hyper_scale_synthesis
        return self._computed(mean, z_hat, extent), self._computed(scale, z_hat, extent)

    def predict_slice(
        self,
        index: int,
        hyper_mean: Array,
        hyper_scale: Array,
        context: Sequence[Array],
        extent: Extent | None = None,
    ) -> SlicePrediction:
        """What is known of slice `index` before it is coded."""
        return self.slices.predict(index, hyper_mean, hyper_scale, context, extent)

    def refine_slice(self, index: int, features: Array, dequantised: Array, extent: Extent | None = None) -> Array:
        """The decoded slice from its dequantised values."""
        return self.slices.refine(index, features, dequantised, extent)

    def synthesise(self, y_hat: Float[Array, "B h w M"], extent: Extent | None = None) -> Float[Array, "B H W 3"]:
        """Decoded latent to image, not clamped."""
        return self._computed(self.synthesis, y_hat, extent)

    def quantile_loss(self, auxiliary: bool = True) -> Float[Array, ""]:
        """The second optimiser's objective: summed over both factorised densities, moves their quantiles only."""
        loss = self.hyper_prior.quantile_loss()
        return loss + self.auxiliary.quantile_loss() if auxiliary else loss

    def _computed(self, network: nn.Module, x: Array, extent: Extent | None) -> Array:
        return network(narrow(x, self.compute_dtype), extent).astype(x.dtype)
