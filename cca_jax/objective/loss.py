"""The training objective (paper section 3.3), in the form the released code has and in the form the idea asks for.

Per pixel, with N = H·W and bits(p) = -Σ log2 p of each image, averaged over the images:

    R_y = bits(p(y)) / N        R_z = bits(p(z)) / N        R_aux = bits(p_aux(y)) / N
    L_cca = R_y - R_aux
    L_f = -Σ p_aux(y) · log2 p_f(y) / N
    L = distortion + λ · (R_y + R_z) + α · L_cca + L_f

distortion is 0.05 · 255² · MSE(x, x̂) or 0.05 · (1 - MS-SSIM(x, x̂)), λ the rate weight: larger means fewer bits.
(MS-SSIM is 0, without a gradient, where two pictures have nothing in common, as at a run's beginning: there it is
continued, see `metrics.ms_ssim`.)
A model of several rates has a λ_b for each image b, and L is the mean over the images of their own L_b / √λ_b: at the
slope λ, distortions of a codec grow about like λ and rates shrink, and undivided the images of low rate would drown the
others. Its λ are the configuration's whatever the distortion: there 1 - MS-SSIM counts `MS_SSIM_SCALE` times, so that a
λ buys about the bits that it buys under MSE.
"""

from __future__ import annotations

from typing import Any, Literal, cast

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.config import ModelConfig
from cca_jax.model.cca import CCAModel, Noise
from cca_jax.model.outputs import AuxiliaryOutput, ModelOutput
from cca_jax.model.rates import RatePoint
from cca_jax.objective.bits import total_bits
from cca_jax.objective.metrics import ms_ssim, mse
from cca_jax.ops.likelihoods.density import LIKELIHOOD_FLOOR

CCAForm = Literal["reference", "stopped", "off"]
"""How the auxiliary model takes part: as released, with its gradients kept apart, or not at all."""
Distortion = Literal["mse", "ms-ssim"]
_DISTORTION_WEIGHT = 0.05
MS_SSIM_SCALE = 1280.0
"""How many times 1 - MS-SSIM counts beside 255² · MSE at equal λ and about equal rate: the middle of 1222 to 1333, the
ratios of the eight pairs of weights by which CompressAI trains its models for either (Bégaint et al. 2020)."""


@flax.struct.dataclass
class ObjectiveTerms:
    """The terms of the objective, scalars; rates in bits per pixel.

    Attributes:
        loss: L.
        distortion: the distortion term, like all that follow without a division by √λ_b.
        mse: mean squared error of the unclamped reconstruction, for images in [0, 1].
        rate_y: R_y.
        rate_z: R_z.
        rate_aux: R_aux (0 with the auxiliary model off, like the three below).
        cca: L_cca.
        factorized: L_f.
        aux_floor_fraction: share of the auxiliary likelihoods that sit on the floor of 1e-9, in [0, 1]. There their
            gradient is 0: towards 1, R_aux is a constant and L is a rate weight of λ + α on R_y.
    """

    loss: Float[Array, ""]
    distortion: Float[Array, ""]
    mse: Float[Array, ""]
    rate_y: Float[Array, ""]
    rate_z: Float[Array, ""]
    rate_aux: Float[Array, ""]
    cca: Float[Array, ""]
    factorized: Float[Array, ""]
    aux_floor_fraction: Float[Array, ""]


def rate_distortion_cca(
    model: CCAModel,
    params: Any,
    image: Float[Array, "B H W 3"],
    noise: Noise | None,
    *,
    rate: RatePoint | None = None,
    rate_weight: float | Float[Array, ""] | None = None,
    hyper_rate_factor: float | Float[Array, ""] = 1.0,
    cca_weight: float | Float[Array, ""] = 1.0,
    form: CCAForm = "reference",
    distortion: Distortion = "mse",
) -> tuple[Float[Array, ""], ObjectiveTerms]:
    """The objective L of the module's text and its terms.

    What each term trains, by form:

    * "reference" (as released): nothing is detached. The distortion trains both transforms, the main slices and the
      hyper networks; R_y and R_z these and p(z); -α R_aux reaches everything before the latent and also trains the
      auxiliary slices, to be *worse*; L_f trains p_f, the auxiliary slices and everything before the latent.
    * "stopped" (what the idea asks for): the auxiliary slices minimise R_aux with the latent and the hyperprior held
      fixed; everything else gets α·(R_y - R_aux) with the auxiliary model held fixed. L_f trains p_f alone: the
      latent and its weights p_aux are held fixed. The value of L is the same as in the reference form. (Below a
      bound, the floor of a likelihood or of a scale, the one-sided gradient is that of the auxiliary model's own aim.)
      Keep α below every λ: b bits of noise, copied into two neighbouring slices and ignored by the synthesis, cost
      R_y only the first copy and R_aux both, so they change L by (λ - α)·b: above λ there is no minimum.
    * "off": no auxiliary model, L = distortion + λ·(R_y + R_z); its parameters may be absent.

    No term moves a quantile (their own objective is `CCAModel.quantile_loss`).

    Args:
        model: the networks; static under jit.
        params: their parameters.
        image: RGB in [0, 1], sides multiples of 64 (and at least 176 for MS-SSIM).
        noise: stands for rounding; None evaluates on rounded values.
        rate: λ and, in a model of several rates, where among them each image is.
        rate_weight: λ > 0 of a model of one rate, short for `rate=RatePoint.single(λ)`.
        hyper_rate_factor: how much of R_z counts. Below 1 at a run's beginning, the hyper-latent is not driven to say
            nothing before the networks behind it have learned to listen (Bowman et al. 2016).
        cca_weight: α ≥ 0.
        form: static under jit.
        distortion: static under jit.

    Returns:
        L and its terms.

    Raises:
        ValueError: an unknown form or distortion, or not exactly one of `rate` and `rate_weight`.
    """
    if form not in ("reference", "stopped", "off"):
        raise ValueError(f"form must be reference, stopped or off, got {form!r}")
    if (rate is None) == (rate_weight is None):
        raise ValueError("the objective takes a rate or, for a model of one rate, a rate_weight")
    rate = RatePoint.single(cast(Array, rate_weight)) if rate is None else rate
    gradient = -jnp.asarray(cca_weight, image.dtype) if form == "stopped" else None
    output: ModelOutput = model.apply(
        {"params": params}, image, noise, rate=rate, auxiliary=form != "off", auxiliary_gradient=gradient
    )
    error = mse(image, output.x_hat).mean()
    cost = distortion_cost(image, output.x_hat, distortion, model.config)
    pixels = image.shape[1] * image.shape[2]
    rate_y, rate_z = total_bits(output.likelihood_y) / pixels, total_bits(output.likelihood_z) / pixels
    added, *about_auxiliary = _auxiliary_terms(output.auxiliary, rate_y, pixels, cca_weight, form)
    losses = cost + rate.weight * (rate_y + hyper_rate_factor * rate_z) + added
    loss = balanced(losses, model.config, rate).mean()
    return loss, ObjectiveTerms(loss, cost.mean(), error, rate_y.mean(), rate_z.mean(), *about_auxiliary)


def balanced(losses: Float[Array, " B"], config: ModelConfig, rate: RatePoint) -> Float[Array, " B"]:
    """Each image's L_b, divided by √λ_b in a model of several rates (see the module's text)."""
    return losses / jnp.sqrt(rate.weight) if config.rate_weights else losses


def _auxiliary_terms(
    auxiliary: AuxiliaryOutput | None, rate_y: Array, pixels: int, cca_weight: float | Array, form: CCAForm
) -> tuple[Array, Array, Array, Array, Array]:
    """What the auxiliary model adds to each image's L; then R_aux, L_cca, L_f, the share on the floor. Else zeros."""
    if auxiliary is None:
        zero = jnp.zeros(())
        return zero, zero, zero, zero, zero
    rate_aux = total_bits(auxiliary.likelihood_y) / pixels
    cca = rate_y - rate_aux
    factorized = _cross_bits(auxiliary, form) / pixels
    floor = (auxiliary.likelihood_y <= LIKELIHOOD_FLOOR).mean()
    # Stopped: the auxiliary slices minimise R_aux itself, and its gradient to their inputs, which the model turns
    # round and weights, is that of -α R_aux. Only the value is made that of the reference form.
    trained = cca_weight * cca if form == "reference" else cca_weight * rate_y + rate_aux
    added = trained + jax.lax.stop_gradient(cca_weight * cca - trained) + factorized
    return added, rate_aux.mean(), cca.mean(), factorized.mean(), floor


def _cross_bits(auxiliary: AuxiliaryOutput, form: CCAForm) -> Float[Array, " B"]:
    weight = auxiliary.likelihood_y
    if form == "stopped":
        weight = jax.lax.stop_gradient(weight)
    return -(weight * jnp.log2(auxiliary.likelihood_y_factorized)).sum((1, 2, 3))


def distortion_cost(
    image: Float[Array, "B H W 3"], x_hat: Float[Array, "B H W 3"], distortion: Distortion, config: ModelConfig
) -> Float[Array, " B"]:
    """The distortion of each image: 0.05 · 255² · MSE or 0.05 · (1 - MS-SSIM), scaled in a model of several rates.

    Raises:
        ValueError: an unknown distortion.
    """
    if distortion == "mse":
        return _DISTORTION_WEIGHT * 255**2 * mse(image, x_hat)
    if distortion == "ms-ssim":
        scale = MS_SSIM_SCALE if config.rate_weights else 1.0
        return scale * _DISTORTION_WEIGHT * (1 - ms_ssim(image, x_hat, continued=True))
    raise ValueError(f"distortion must be mse or ms-ssim, got {distortion!r}")
