"""What a forward pass gives."""

from __future__ import annotations

import flax.struct
from jaxtyping import Array, Float


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
        means: μ of the latent's densities, like y.
        scales: their σ in steps, at least 0.11, like y; of Laplacians √2 standard deviations.
        step_sizes: Δ of each channel, [B, 1, 1, M]; 1 in a model of one rate. The symbols are round((y - means) / Δ).
        auxiliary: None where the auxiliary model was not asked for.
    """

    x_hat: Float[Array, "B H W 3"]
    likelihood_y: Float[Array, "B h w M"]
    likelihood_z: Float[Array, "B hz wz Z"]
    y: Float[Array, "B h w M"]
    z: Float[Array, "B hz wz Z"]
    y_hat: Float[Array, "B h w M"]
    means: Float[Array, "B h w M"]
    scales: Float[Array, "B h w M"]
    step_sizes: Float[Array, "B 1 1 M"]
    auxiliary: AuxiliaryOutput | None
