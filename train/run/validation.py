"""What a model costs on held-out photos: rounded, not noisy, with likelihoods for the rate.

A model of several rates is measured at each of its rate weights, and its figures are the means over these.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, UInt8

from cca_jax.model.cca import CCAModel
from cca_jax.model.rates import RatePoint
from cca_jax.objective.bits import bits_per_slice
from cca_jax.objective.loss import Distortion, balanced, distortion_cost
from cca_jax.objective.metrics import psnr
from train.step.mesh import gather, on_own_rows, shard_batch


@flax.struct.dataclass
class Validation:
    """Means over the validation crops; rates in bits per pixel.

    Attributes:
        loss: the objective without its auxiliary terms.
        rate: of everything.
        rate_z: of the hyper-latent.
        rate_slices: of each slice, [S]: where the information goes.
        psnr: dB, of reconstructions rounded to 8 bits.
    """

    loss: Float[Array, ""]
    rate: Float[Array, ""]
    rate_z: Float[Array, ""]
    rate_slices: Float[Array, " S"]
    psnr: Float[Array, ""]


@partial(jax.jit, static_argnums=(0, 4, 5))
def _measure(
    model: CCAModel,
    params: Any,
    photos: UInt8[Array, "B H W 3"],
    rate: RatePoint,
    distortion: Distortion,
    mesh: Mesh,
) -> tuple[Validation, UInt8[Array, "B H W 3"]]:
    """Figures of every photo on its own, [B], and the reconstructions."""

    def one(shared: tuple[Any, RatePoint], photo: UInt8[Array, "1 H W 3"]) -> tuple[Validation, Array]:
        params, rate = shared
        image = photo.astype(jnp.float32) / 255
        output = model.apply({"params": params}, image, rate=rate, auxiliary=False)
        pixels = photo.shape[1] * photo.shape[2]
        rates = bits_per_slice(output, model.config)[0] / pixels
        rate_z, rate_slices = rates[0], rates[1:]
        bits_per_pixel = rate_slices.sum() + rate_z
        loss = distortion_cost(image, output.x_hat, distortion, model.config) + rate.weight * bits_per_pixel
        decoded = jnp.round(jnp.clip(output.x_hat, 0, 1) * 255).astype(jnp.uint8)
        figures = Validation(
            balanced(loss, model.config, rate)[0], bits_per_pixel, rate_z, rate_slices, psnr(photo, decoded)[0]
        )
        return jax.tree.map(lambda v: v[None], figures), decoded

    return on_own_rows(one, (params, rate), photos, mesh)


def validate(
    model: CCAModel,
    params: Any,
    photos: UInt8[np.ndarray, "N S S 3"],
    rate_weight: float,
    distortion: Distortion,
    mesh: Mesh,
) -> tuple[dict[str, Any], UInt8[np.ndarray, "K S S 3"]]:
    """Validates on crops, as many at a time as there are devices.

    Args:
        model: the networks.
        params: on every device of the mesh.
        photos: the crops, the same in every process.
        rate_weight: λ in the loss of a model of one rate.
        distortion: of the loss.
        mesh: the devices.

    Returns:
        Means by the names of `Validation`, plain numbers, and the first reconstructions, those at the highest rate. Of
        a model of several rates also `rates` and `psnrs`, at each of them from low to high.
    """
    names = Validation.__dataclass_fields__
    weights = model.config.rate_weights
    rates = [RatePoint.of_row(model.config, row) for row in range(len(weights))] or [RatePoint.single(rate_weight)]
    at_rates = []
    for rate in rates:
        means, pictures = _at_rate(model, params, photos, rate, distortion, mesh)
        at_rates.append(means)
    mean = jax.tree.map(lambda *parts: np.mean(parts, axis=0), *at_rates)
    values = {name: getattr(mean, name).tolist() for name in names}
    if weights:
        values |= {"rates": [float(one.rate) for one in at_rates], "psnrs": [float(one.psnr) for one in at_rates]}
    return values, pictures


def _at_rate(
    model: CCAModel,
    params: Any,
    photos: UInt8[np.ndarray, "N S S 3"],
    rate: RatePoint,
    distortion: Distortion,
    mesh: Mesh,
) -> tuple[Validation, UInt8[np.ndarray, "K S S 3"]]:
    """The means at one of the model's rates, and the first reconstructions."""
    figures, pictures = [], []
    for start in range(0, len(photos), mesh.size):
        rows = photos[start : start + mesh.size]
        filled = np.concatenate([rows, np.repeat(rows[-1:], mesh.size - len(rows), axis=0)])
        measured = _measure(model, params, _own(filled, mesh), rate, distortion, mesh)
        result, decoded = gather(measured, mesh)
        figures.append(result)
        pictures.append(decoded)
    means = jax.tree.map(lambda *parts: np.concatenate(parts)[: len(photos)].mean(0), *figures)
    return means, np.concatenate(pictures)[: len(photos)]


def _own(rows: np.ndarray, mesh: Mesh) -> Array:
    share = len(rows) // jax.process_count()
    return shard_batch(rows[jax.process_index() * share :][:share], mesh)
