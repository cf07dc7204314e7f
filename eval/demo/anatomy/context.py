"""What the slices know of each other: how many more bits one takes where another is hidden from its networks.

That is the question of the CCA term, which hides the slice just before (paper section 3.3), asked of every pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from cca_jax.codec.codec import Codec
from cca_jax.config import HYPER_STRIDE
from cca_jax.model.cca import CCAModel
from cca_jax.model.coding import coding_steps
from cca_jax.model.integer_network.scales import ScaleSums
from cca_jax.model.integer_network.surprise import surprise
from cca_jax.model.parts.slice_model import SlicePrediction
from cca_jax.model.rates import RatePoint
from cca_jax.model.recurrence import context_of
from eval.demo.anatomy.bits import symbol_bits


class _Hyper(NamedTuple):
    """What the hyper-latent says: μ_h, σ_h unless slices' symbols decide it too, and then the sums of the tables."""

    mean: Array
    scale: Array | None
    sums: ScaleSums | None
    rate: RatePoint | None


class _Coded(NamedTuple):
    """A slice by itself: its prediction, symbols and the table of each."""

    prediction: SlicePrediction
    symbols: Array
    indexes: Array


def hiding_costs(
    codec: Codec, image: UInt8[np.ndarray, "H W 3"], quality: float | None
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, "K K"]]:
    """Bits of each slice, and how many more it takes where another slice is hidden from its networks.

    Hidden means: the networks see what was predicted of that slice instead of what was decoded of it. Entry [i, j] is
    for slice i where slice j is hidden; it is 0 where slice i never sees slice j.

    Args:
        codec: of a model.
        image: sides in multiples of 64.
        quality: from 1 to 100, None for 50; None in a model of a single rate.

    Raises:
        ValueError: other sides, or a quality that the model does not have.
    """
    if image.shape[0] % HYPER_STRIDE or image.shape[1] % HYPER_STRIDE:
        raise ValueError(f"the sides must be multiples of {HYPER_STRIDE}, got {image.shape[1]}×{image.shape[0]}")
    count, bits = codec.config.num_slices, partial(_bits, codec)
    y, hyper = _analyze(codec, image, quality)
    decoded: list[Array] = []
    expected: list[Array] = []
    surprises: list[Array] = []
    own, more = np.zeros(count), np.zeros((count, count))
    for i in range(count):
        code = partial(_code, codec.model, i, codec.params, jnp.asarray(codec.bundle.scales), y, hyper)
        seen = context_of(codec.config, i, 0)
        known = seen if surprises else ()
        coded = code([decoded[k] for k in seen], [surprises[k] for k in known])
        own[i] = bits(coded)
        for j in seen:
            without = [expected[k] if k == j else decoded[k] for k in seen]
            unsurprised = [jnp.zeros_like(surprises[k]) if k == j else surprises[k] for k in known]
            more[i, j] = bits(code(without, unsurprised)) - own[i]
        decoded.append(coding_steps.refine(codec.model, i, codec.params, coded.prediction, coded.symbols, None))
        expected.append(coded.prediction.mean)
        if hyper.sums is not None:
            surprises.append(surprise(coded.symbols.astype(jnp.float32), coded.indexes.astype(jnp.float32)))
    return own, more


def _analyze(codec: Codec, image: np.ndarray, quality: float | None) -> tuple[Array, _Hyper]:
    model, params, rate = codec.model, codec.params, codec.rate(quality)
    y = coding_steps.analyze(model, params, jnp.asarray(image[None]), None)
    z_symbols, _ = coding_steps.hyper_analyze(model, params, y, None, rate)
    mean, scale = coding_steps.hyper_synthesize(model, params, z_symbols, None, rate)
    sums = coding_steps.scale_sums(model, params, z_symbols, None, rate) if scale is None else None
    return y, _Hyper(mean, scale, sums, rate)


@partial(jax.jit, static_argnums=(0, 1))
def _code(
    model: CCAModel,
    index: int,
    params: Any,
    scales: Float[Array, " T"],
    y: Array,
    hyper: _Hyper,
    context: Sequence[Array],
    surprises: Sequence[Array],
) -> _Coded:
    """Slice `index` with this context: decoded slices, and their surprises where tables follow from those."""
    arguments = (index, hyper.mean, hyper.scale, context, None, hyper.rate)
    prediction = model.apply({"params": params}, *arguments, method="predict_slice")
    if hyper.sums is None:
        indexes = coding_steps.indexes(prediction, scales)
    else:
        known = (index, hyper.sums, surprises, None, hyper.rate)
        indexes = model.apply({"params": params}, *known, method="slice_indexes").astype(jnp.int32)
    return _Coded(prediction, coding_steps.slice_symbols(model, index, y, prediction, None), indexes)


def _bits(codec: Codec, coded: _Coded) -> float:
    return float(symbol_bits(codec.bundle.latent, np.asarray(coded.symbols), np.asarray(coded.indexes)).sum())
