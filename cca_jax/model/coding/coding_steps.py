"""The steps of coding, each compiled once for a configuration and a bucket of image sizes.

Encoder and decoder call the same ones with the same shapes: what one computed is what the other computes. (Models of
exact scales do not need that: their slices go through one program for encoding and one for decoding.) Without a
region the arrays are the image, and each image size has programs of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32, UInt8

from cca_jax.model.cca import CCAModel
from cca_jax.model.integer_network.rate import IntegerRate
from cca_jax.model.integer_network.scales import ScaleSums
from cca_jax.model.integer_network.surprise import surprise
from cca_jax.model.parts.slice_model import SlicePrediction
from cca_jax.model.rates import RatePoint
from cca_jax.ops.likelihoods.density import SCALE_FLOOR
from cca_jax.ops.quantization.step_sizes import from_steps, to_steps
from cca_jax.ops.valid_region import ValidRegion, masked


@partial(jax.jit, static_argnums=0)
def analyze(
    model: CCAModel,
    params: Any,
    image: UInt8[Array, "1 H W 3"] | Float[Array, "1 H W 3"],
    region: ValidRegion | None,
) -> Float[Array, "1 h w M"]:
    """Image, 0 to 255, to latent."""
    return model.apply({"params": params}, image.astype(jnp.float32) / 255, region, method="analyze")


@partial(jax.jit, static_argnums=0)
def rate_point(
    model: CCAModel, params: Any, rate_index: Float[Array, " 1"], integer_rate: IntegerRate | None
) -> RatePoint:
    """Everything about a position among a model's rates; the integer rate is given, as the file's quality says it."""
    rate = RatePoint.at(model.config, rate_index, integer_rate)
    return model.apply({"params": params}, rate, method="complete_rate")


@partial(jax.jit, static_argnums=0)
def hyper_analyze(
    model: CCAModel, params: Any, y: Float[Array, "1 h w M"], region: ValidRegion | None, rate: RatePoint | None = None
) -> tuple[Array, Array]:
    """Latent to the hyper-latent's symbols int32 [1, hz, wz, Z], and whether the latent is finite throughout."""
    z = model.apply({"params": params}, y, region, rate, method="hyper_analyze")
    symbols = model.apply({"params": params}, z, method="hyper_symbols")
    return masked(symbols, region), jnp.isfinite(y).all()


@partial(jax.jit, static_argnums=0)
def hyper_synthesize(
    model: CCAModel, params: Any, z_symbols: Array, region: ValidRegion | None, rate: RatePoint | None = None
) -> tuple[Array, Array]:
    """Hyper-latent's symbols to (μ_h, σ_h), each [1, h, w, M]."""
    z_hat = model.apply({"params": params}, z_symbols, method="hyper_values")
    return model.apply({"params": params}, z_hat, region, rate, method="hyper_synthesize")


@partial(jax.jit, static_argnums=0)
def scale_indexes(
    model: CCAModel, params: Any, z_symbols: Array, region: ValidRegion | None, rate: RatePoint | None = None
) -> Int32[Array, "1 h w M"]:
    """Hyper-latent's symbols to the table of each symbol of y, for models of "hyperprior_exact"."""
    integers = z_symbols.astype(jnp.float32)
    return model.apply({"params": params}, integers, region, rate, method="scale_indexes").astype(jnp.int32)


@partial(jax.jit, static_argnums=0)
def scale_sums(
    model: CCAModel, params: Any, z_symbols: Array, region: ValidRegion | None, rate: RatePoint | None = None
) -> ScaleSums:
    """Hyper-latent's symbols to what they say of all tables, for models of "context_exact"."""
    integers = jnp.asarray(z_symbols, jnp.float32)
    return model.apply({"params": params}, integers, region, rate, method="scale_sums")


@partial(jax.jit, static_argnums=(0, 1))
def slice_indexes(
    model: CCAModel,
    index: int,
    params: Any,
    hyper: ScaleSums,
    context: Sequence[tuple[Array, Array]],
    region: ValidRegion | None,
    rate: RatePoint | None = None,
) -> Int32[Array, "1 h w m"]:
    """The table of each symbol of a slice, there: from the symbols of its context and the tables they had."""
    surprises = [surprise(*(jnp.asarray(array, jnp.float32) for array in pair)) for pair in context]
    arguments = (index, hyper, surprises, region, rate)
    return model.apply({"params": params}, *arguments, method="slice_indexes").astype(jnp.int32)


@partial(jax.jit, static_argnums=0)
def indexes_of_symbols(
    model: CCAModel,
    params: Any,
    z_symbols: Array,
    y_symbols: Array,
    region: ValidRegion | None,
    rate: RatePoint | None = None,
) -> Int32[Array, "1 h w M"]:
    """The table of each symbol of y, there, where all symbols are known."""
    integers, symbols = (jnp.asarray(array, jnp.float32) for array in (z_symbols, y_symbols))
    slices = jnp.split(symbols, model.config.slice_edges[1:-1], axis=-1)
    indexes = model.apply({"params": params}, integers, slices, region, rate, method="indexes_of_symbols")
    return jnp.concatenate(indexes, axis=-1).astype(jnp.int32)


@partial(jax.jit, static_argnums=(0, 1))
def predict(
    model: CCAModel,
    index: int,
    params: Any,
    scales: Float[Array, " T"],
    hyper_mean: Array,
    hyper_scale: Array,
    context: Sequence[Array],
    region: ValidRegion | None,
    rate: RatePoint | None = None,
) -> tuple[SlicePrediction, Int32[Array, "1 h w m"]]:
    """What is known of a slice before it is coded, and the table of each of its symbols."""
    hyper = (hyper_mean, hyper_scale)
    prediction = model.apply({"params": params}, index, *hyper, context, region, rate, method="predict_slice")
    return prediction, indexes(prediction, scales)


@partial(jax.jit, static_argnums=(0, 1))
def refine(
    model: CCAModel, index: int, params: Any, prediction: SlicePrediction, symbols: Array, region: ValidRegion | None
) -> Array:
    """The decoded slice from its symbols."""
    arguments = (prediction.features, dequantize(symbols, prediction), region, prediction.step_size)
    return model.apply({"params": params}, index, *arguments, method="refine_slice")


@partial(jax.jit, static_argnums=(0, 1))
def slice_symbols(
    model: CCAModel, index: int, y: Float[Array, "1 h w M"], prediction: SlicePrediction, region: ValidRegion | None
) -> Int32[Array, "1 h w m"]:
    """What is coded for a slice of the latent y."""
    first, last = model.config.slice_edges[index : index + 2]
    return to_symbols(y[..., first:last], prediction, region)


@jax.jit
def join(slices: Sequence[Float[Array, "1 h w _"]]) -> Float[Array, "1 h w M"]:
    """The latent of its slices."""
    return jnp.concatenate(slices, axis=-1)


@partial(jax.jit, static_argnums=0)
def split(model: CCAModel, arrays: Sequence[Array]) -> list[list[Array]]:
    """The slices of each array [1, h, w, M]."""
    return [jnp.split(array, model.config.slice_edges[1:-1], axis=-1) for array in arrays]


@jax.jit
def indexes(prediction: SlicePrediction, scales: Float[Array, " T"]) -> Int32[Array, "1 h w m"]:
    """The table of each symbol: the first whose scale is at least σ, else the last (see `entropy_coding.tables`)."""
    if prediction.scale is None:
        raise ValueError("this model's tables follow from integers, not from predictions: see `slice_indexes`")
    scale = jnp.maximum(prediction.scale, SCALE_FLOOR)
    thresholds = jnp.asarray(scales[:-1]).reshape(*(1,) * scale.ndim, -1)
    return (scale[..., None] > thresholds).sum(-1, dtype=jnp.int32)


@jax.jit
def dequantize(symbols: Int32[Array, "1 h w m"], prediction: SlicePrediction) -> Float[Array, "1 h w m"]:
    """What integers stand for: distances from the predicted mean, in steps."""
    return from_steps(symbols.astype(jnp.float32), prediction.mean, prediction.step_size)


@jax.jit
def to_symbols(
    target: Float[Array, "1 h w m"], prediction: SlicePrediction, region: ValidRegion | None
) -> Int32[Array, "1 h w m"]:
    """The integers that are coded for a slice: its rounded distance from the predicted mean; 0 outside the image.

    Nothing outside is coded: with zeros there the encoder goes on from the very arrays that the decoder has.
    """
    steps = to_steps(target, prediction.mean, prediction.step_size)
    return masked(jnp.round(steps).astype(jnp.int32), region)


@partial(jax.jit, static_argnums=0)
def encode_latent(
    model: CCAModel,
    params: Any,
    y: Float[Array, "1 h w M"],
    z_symbols: Int32[Array, "1 hz wz Z"],
    region: ValidRegion | None,
    rate: RatePoint | None = None,
) -> tuple[Array, Array]:
    """All that is coded for a latent, int32 [1, h, w, M], and the decoded latent."""
    coded: list[Array] = []

    def code(index: int, prediction: SlicePrediction) -> Array:
        first, last = model.config.slice_edges[index : index + 2]
        coded.append(to_symbols(y[..., first:last], prediction, region))
        return dequantize(coded[-1], prediction)

    y_hat = model.apply({"params": params}, z_symbols, code, region, rate, method="code_latent")
    return jnp.concatenate(coded, axis=-1), y_hat


@partial(jax.jit, static_argnums=0)
def decode_latent(
    model: CCAModel,
    params: Any,
    z_symbols: Int32[Array, "1 hz wz Z"],
    y_symbols: Int32[Array, "1 h w M"],
    region: ValidRegion | None,
    rate: RatePoint | None = None,
) -> Float[Array, "1 h w M"]:
    """The decoded latent of symbols that are all known."""

    def code(index: int, prediction: SlicePrediction) -> Array:
        first, last = model.config.slice_edges[index : index + 2]
        return dequantize(y_symbols[..., first:last], prediction)

    return model.apply({"params": params}, z_symbols, code, region, rate, method="code_latent")


@partial(jax.jit, static_argnums=0)
def synthesize(model: CCAModel, params: Any, y_hat: Array, region: ValidRegion | None) -> Float[Array, "1 H W 3"]:
    """Decoded latent to image, neither clamped nor rounded."""
    return model.apply({"params": params}, y_hat, region, method="synthesize")


@jax.jit
def to_pixels(x_hat: Float[Array, "1 H W 3"]) -> UInt8[Array, "1 H W 3"]:
    """Clamps to [0, 1] and rounds to 8 bits."""
    return jnp.round(jnp.clip(x_hat, 0, 1) * 255).astype(jnp.uint8)
