"""What the search of a tile's latent makes smaller: distortion + λ · rate, under a rounding that gradients pass.

The forward pass is the decoder's, with soft symbols in the place of integers: the slice recurrence with its residual
predictions, the tables' scales (which the integer network computes of rounded symbols, with the gradients that it
has in training), the synthesis transform of the tile within its halo. The networks stay as they are.
"""

from __future__ import annotations

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32, UInt8

from cca_jax.model.cca import CCAModel
from cca_jax.model.parts.slice_model import SlicePrediction
from cca_jax.model.rates import RatePoint, out_of_steps
from cca_jax.ops.likelihoods.density import LIKELIHOODS
from cca_jax.ops.likelihoods.scales import scale_of_index
from cca_jax.ops.quantization.relaxed_rounding import annealed_round, logistic_noise
from cca_jax.ops.quantization.rounding import round_straight_through
from cca_jax.ops.quantization.step_sizes import from_steps, to_steps
from cca_jax.ops.valid_region import ValidRegion, masked
from cca_jax.tiling.halo import POSITIONS

_LEVELS = 255
_CHANNELS = 3
_DISTORTION_WEIGHT = 0.05  # of 255² · MSE, as in training (`objective.loss`), whose λ this λ is


@flax.struct.dataclass
class Latents:
    """What is searched, in the shape of a tile.

    Attributes:
        y: the latent in steps.
        z: the hyper-latent's distances from the medians.
    """

    y: Float[Array, "1 h w M"]
    z: Float[Array, "1 hz wz Z"]


@flax.struct.dataclass
class Surroundings:
    """What a tile's search is given and leaves as it is.

    Attributes:
        pixels: the image of the tile with its halo, 0 to 255, in their bucket.
        sides: how many rows and columns of these are not padding: they count.
        halo: the latent there, of which the tile's own part is replaced.
        place: row and column of that part.
        wide: how much of the arrays with the halo is image.
        region: the same of the tile's latent alone.
        rate: of the file's quality, completed.
    """

    pixels: UInt8[Array, "1 H W 3"] | Float[Array, "1 H W 3"]
    sides: Int32[Array, "2"]
    halo: Float[Array, "1 hw ww M"]
    place: Int32[Array, "2"]
    wide: ValidRegion | None
    region: ValidRegion | None
    rate: RatePoint


def cost(
    model: CCAModel, params: Any, latents: Latents, around: Surroundings, temperature: Array, key: Array
) -> Float[Array, ""]:
    """L summed over pixels, 0.05 · Σ squared error / 3 + λ · bits, at a temperature and a draw of the rounding."""
    return model.apply({"params": params}, latents, around, temperature, key, method=_cost)


def weighted_sum(squared_error: Any, rate_weight: Any, bits: Any) -> Any:
    """L of a squared error in levels, summed over pixels and colours, and of bits; likewise for numbers and arrays."""
    return _DISTORTION_WEIGHT / _CHANNELS * squared_error + rate_weight * bits


def within_halo(y_hat: Float[Array, "1 h w M"], around: Surroundings) -> Float[Array, "1 hw ww M"]:
    """The decoded latent of a tile in the midst of what is around it."""
    height, width = around.halo.shape[1:3]
    zero = jnp.zeros((), around.place.dtype)
    corner = (zero, around.place[0], around.place[1], zero)
    # The bucket of the tile may be as large as that of the tile with its halo.
    room = jnp.zeros((1, height + POSITIONS, width + POSITIONS, y_hat.shape[3]), y_hat.dtype)
    placed = jax.lax.dynamic_update_slice(room, y_hat, corner)[:, :height, :width]
    rows, columns = y_hat.shape[1:3] if around.region is None else around.region.at(y_hat.shape)
    own = _span(height, around.place[0], rows)[:, None] & _span(width, around.place[1], columns)[None]
    return jnp.where(own[None, :, :, None], placed, around.halo)


def _span(length: int, first: Array | int, count: Array | int) -> Array:
    """Where `count` positions from the first on lie among so many."""
    index = jnp.arange(length)
    return (index >= first) & (index < first + count)


def _cost(model: CCAModel, latents: Latents, around: Surroundings, temperature: Array, key: Array) -> Array:
    noise = Latents(*map(logistic_noise, jax.random.split(key), (latents.y.shape, latents.z.shape)))
    region, y = around.region, out_of_steps(latents.y, around.rate)
    symbols: list[Array] = []
    scales: list[Any] = []

    def code(index: int, prediction: SlicePrediction) -> Array:
        channels = slice(*model.config.slice_edges[index : index + 2])
        distance = to_steps(y[..., channels], prediction.mean, prediction.step_size)
        symbols.append(masked(annealed_round(distance, temperature, noise.y[..., channels]), region))
        scales.append(prediction.scale)
        return from_steps(symbols[-1], prediction.mean, prediction.step_size)

    z = masked(annealed_round(latents.z, temperature, noise.z), region)
    z_hat = z + model.hyper_prior.median()[None, None, None]
    hyper = model.hyper_synthesize(z_hat, region, around.rate)
    decoded = model.slices.decode(*hyper, code, region, around.rate)
    if model.config.scale_source == "context_exact":
        integers = [round_straight_through(soft) for soft in (z, *symbols)]
        tables = model.indexes_of_symbols(integers[0], integers[1:], region, around.rate)
        scales = [scale_of_index(indexes) for indexes in tables]
    density = LIKELIHOODS[model.config.latent_density]
    likelihoods = [density(soft, jnp.zeros_like(soft), scale) for soft, scale in zip(symbols, scales, strict=True)]
    bits = sum(
        -masked(jnp.log2(likelihood), region).sum() for likelihood in (model.hyper_likelihood(z_hat), *likelihoods)
    )
    x_hat = model.synthesize(within_halo(jnp.concatenate(decoded, axis=-1), around), around.wide)
    return weighted_sum(_squared_error(x_hat, around), around.rate.weight[0], bits)


def _squared_error(x_hat: Float[Array, "1 H W 3"], around: Surroundings) -> Float[Array, ""]:
    levels = jnp.clip(x_hat, 0, 1) * _LEVELS - around.pixels.astype(x_hat.dtype)
    rows, columns = (_span(side, 0, counted) for side, counted in zip(x_hat.shape[1:3], around.sides, strict=True))
    return jnp.where((rows[:, None] & columns[None])[None, :, :, None], jnp.square(levels), 0).sum()
