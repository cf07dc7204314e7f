"""One image's way through the compiled steps of a model; encoder and decoder go it with the same programs.

Where the slices' scales come from their context, the range coder waits for each slice's networks and they for it.
Where they are exact, indexes follow from integers alone, those of the hyper-latent or also those of the slices before:
a decoder reads every symbol before the first slice's float networks run, and these run in one call.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from jaxtyping import Array, Float, Int32, UInt8

from cca_jax.codec.tiles.stopwatch import CODER, ENTROPY_MODEL, TRANSFORM, Stopwatch, timed
from cca_jax.compile_cache import programs
from cca_jax.compile_cache.cores import usable_cores
from cca_jax.compile_cache.device_errors import is_out_of_memory
from cca_jax.config.quality_scale import rate_index
from cca_jax.model.cca import CCAModel
from cca_jax.model.coding import coding_steps
from cca_jax.model.integer_network.rate import coded_rate
from cca_jax.model.parts.slice_model import SlicePrediction, slice_recurrence
from cca_jax.model.rates import RatePoint
from cca_jax.tiling.buckets import BucketLayout

DecodeSlice = Callable[[int, np.ndarray], np.ndarray]
"""(slice, the tables of its symbols) to the symbols, int32 [1, h, w, m], both in the frame's shape; from any thread."""
CodeSlice = Callable[[int, SlicePrediction, Array], Any]
"""(slice, what is known of it, the tables of its symbols) to the symbols: from the latent or from a stream."""


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Makes the device's out-of-memory error Python's own, which callers know."""
    try:
        yield
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise MemoryError(f"not enough device memory for this image: {error}") from error
        raise


def rate_arguments(model: CCAModel, params: Any, quality: float) -> tuple[Any, ...]:
    """What `coding_steps.rate_point` takes for a quality; the integer rate is computed in integers alone."""
    config, integer_rate = model.config, None
    index = rate_index(quality, config.num_rates)
    if config.exact_scales:
        log_steps = np.asarray(params["rates"]["log_step"])
        integer_rate = coded_rate(config, log_steps, index.numerator, index.denominator)
    return model, params, np.array([index], np.float32), integer_rate


def _side_by_side(decode_slice: Callable[[int], None], count: int) -> None:
    """Decodes slices in threads, the largest first: a range coder that leaves Python's lock uses all cores."""
    with ThreadPoolExecutor(max(1, min(count, usable_cores()))) as pool:
        list(pool.map(decode_slice, reversed(range(count))))


class TileCoder:
    """The steps bound to a model, a frame and a stopwatch; all arrays have the frame's shape.

    Attributes:
        model: the networks.
        params: their parameters.
        scales: the scales that have a table, float32 [T].
        layout: where the image lies in the arrays.
        clock: counts the parts "transform" and "entropy model", which are then waited for; None counts nothing.
    """

    def __init__(
        self,
        model: CCAModel,
        params: Any,
        scales: np.ndarray,
        layout: BucketLayout,
        clock: Stopwatch | None = None,
        quality: float | None = None,
    ) -> None:
        self.model, self.params, self.scales, self.layout, self.clock = model, params, scales, layout, clock
        self._quality = quality

    @functools.cached_property
    def rate(self) -> RatePoint | None:
        """The quality's; None for a model of a single rate."""
        if self._quality is None:
            return None
        return self._entropy_model(coding_steps.rate_point, *rate_arguments(self.model, self.params, self._quality))

    def _run(self, part: str, step: Callable[..., Any], *arguments: Any) -> Any:
        """Runs a compiled step; its time is counted for that part, the wait for its program is not."""
        return timed(self.clock, part, programs.find(step, arguments))

    def _transform(self, step: Callable[..., Any], *arguments: Any) -> Any:
        return self._run(TRANSFORM, step, *arguments)

    def _entropy_model(self, step: Callable[..., Any], *arguments: Any) -> Any:
        return self._run(ENTROPY_MODEL, step, *arguments)

    def analyze(self, image: UInt8[np.ndarray, "1 H W 3"] | Float[np.ndarray, "1 H W 3"]) -> Float[Array, "1 h w M"]:
        """Image, 0 to 255, to latent."""
        return self._transform(coding_steps.analyze, self.model, self.params, image, self.layout.region)

    def hyper_analyze(self, y: Float[Array, "1 h w M"]) -> tuple[Array, Array]:
        """Latent to the hyper-latent's symbols, and whether the latent is finite."""
        return self._entropy_model(
            coding_steps.hyper_analyze, self.model, self.params, y, self.layout.region, self.rate
        )

    def encode_slices(
        self, y: Float[Array, "1 h w M"], z_symbols: Int32[Array, "1 hz wz Z"]
    ) -> tuple[list[Array], list[Array], Array]:
        """What is coded for each slice, the tables of these symbols, and the decoded latent."""
        region = self.layout.region
        if self.model.config.exact_scales:
            arguments = (self.model, self.params, y, z_symbols, region, self.rate)
            symbols, latent = self._entropy_model(coding_steps.encode_latent, *arguments)
            indexes = self._indexes_of(z_symbols, symbols)
            return *self._entropy_model(coding_steps.split, self.model, (symbols, indexes)), latent
        coded: list[Array] = []
        tables: list[Array] = []

        def code(index: int, prediction: SlicePrediction, indexes: Array) -> Array:
            coded.append(self._entropy_model(coding_steps.slice_symbols, self.model, index, y, prediction, region))
            tables.append(indexes)
            return coded[-1]

        latent = self.code_slices(z_symbols, code)
        return coded, tables, latent

    def decode_slices(
        self, z_symbols: Int32[Array, "1 hz wz Z"], decode: DecodeSlice, count: int
    ) -> Float[Array, "1 h w M"]:
        """The decoded latent of the first `count` slices' symbols; the other slices take their predicted means."""
        if self.model.config.exact_scales:
            in_turn = self.model.config.scale_source == "context_exact"
            symbols = (self._read_in_turn if in_turn else self._read_at_once)(z_symbols, decode, count)
            arguments = (self.model, self.params, z_symbols, symbols, self.layout.region, self.rate)
            return self._entropy_model(coding_steps.decode_latent, *arguments)

        def code(index: int, prediction: SlicePrediction, indexes: Array) -> np.ndarray:
            del prediction
            if index >= count:
                return np.zeros(indexes.shape, np.int32)
            return timed(self.clock, CODER, decode, index, self.on_host(indexes))

        return self.code_slices(z_symbols, code)

    def on_host(self, indexes: Array) -> np.ndarray:
        """The tables of symbols, for the coder."""
        return timed(self.clock, CODER, np.asarray, indexes)

    def _scale_indexes(self, z_symbols: Int32[Array, "1 hz wz Z"]) -> Int32[Array, "1 h w M"]:
        arguments = (self.model, self.params, z_symbols, self.layout.region, self.rate)
        return self._entropy_model(coding_steps.scale_indexes, *arguments)

    def _indexes_of(self, z_symbols: Array, symbols: Array) -> Int32[Array, "1 h w M"]:
        """The tables of all slices' symbols, which are known: the encoder's way, in models of exact scales."""
        if self.model.config.scale_source == "hyperprior_exact":
            return self._scale_indexes(z_symbols)
        arguments = (self.model, self.params, z_symbols, symbols, self.layout.region, self.rate)
        return self._entropy_model(coding_steps.indexes_of_symbols, *arguments)

    def _read_at_once(self, z_symbols: Array, decode: DecodeSlice, count: int) -> Int32[np.ndarray, "1 h w M"]:
        """The symbols of the first `count` slices, whose tables follow from the hyper-latent, and zeros."""
        edges = self.model.config.slice_edges
        indexes = self.on_host(self._scale_indexes(z_symbols))
        symbols = np.zeros(indexes.shape, np.int32)  # zero symbols decode to the mean

        def decode_slice(index: int) -> None:
            channels = slice(edges[index], edges[index + 1])
            symbols[..., channels] = decode(index, indexes[..., channels])

        timed(self.clock, CODER, _side_by_side, decode_slice, count)
        return symbols

    def _read_in_turn(self, z_symbols: Array, decode: DecodeSlice, count: int) -> Int32[np.ndarray, "1 h w M"]:
        """The same where a slice's tables follow from the symbols before it too: no float takes part in it."""
        model, params, region, rate = self.model, self.params, self.layout.region, self.rate
        hyper = self._entropy_model(coding_steps.scale_sums, model, params, z_symbols, region, rate)

        def predict(index: int, context: Sequence[tuple[Any, Any]]) -> Array:
            return self._entropy_model(
                coding_steps.slice_indexes, model, index, params, hyper, list(context), region, rate
            )

        def code(index: int, indexes: Array) -> Any:
            return timed(self.clock, CODER, decode, index, self.on_host(indexes))

        pair = lambda index, indexes, symbols: (symbols, indexes)  # noqa: E731
        decoded = slice_recurrence(model.config, 0, predict, code, pair, count)
        return self.with_zeros([symbols for symbols, _ in decoded], hyper.sums.shape)

    def with_zeros(self, symbols: Sequence[np.ndarray], shape: tuple[int, ...]) -> Int32[np.ndarray, "1 h w M"]:
        """The symbols of the first slices, and zeros up to that shape."""
        whole = np.zeros(shape, np.int32)
        for own, first in zip(symbols, self.model.config.slice_edges, strict=False):
            whole[..., first : first + own.shape[-1]] = own
        return whole

    def code_slices(self, z_symbols: Int32[Array, "1 hz wz Z"], code: CodeSlice) -> Float[Array, "1 h w M"]:
        """The decoded latent by the slice recurrence, step by step; `code` supplies each slice's symbols."""
        model, params, region, rate = self.model, self.params, self.layout.region, self.rate
        hyper = self._entropy_model(coding_steps.hyper_synthesize, model, params, z_symbols, region, rate)
        tables: list[Array] = []

        def predict(index: int, context: Sequence[Array]) -> SlicePrediction:
            arguments = (model, index, params, self.scales, *hyper, list(context), region, rate)
            prediction, indexes = self._entropy_model(coding_steps.predict, *arguments)
            tables.append(indexes)
            return prediction

        def refine(index: int, prediction: SlicePrediction, symbols: Array) -> Array:
            return self._entropy_model(coding_steps.refine, model, index, params, prediction, symbols, region)

        def code_with_tables(index: int, prediction: SlicePrediction) -> Any:
            return code(index, prediction, tables[index])

        decoded = slice_recurrence(model.config, 0, predict, code_with_tables, refine)
        return self._entropy_model(coding_steps.join, decoded)

    def synthesize(self, y_hat: Float[Array, "1 h w M"]) -> Float[Array, "1 H W 3"]:
        """Decoded latent to image, neither clamped nor rounded."""
        return self._transform(coding_steps.synthesize, self.model, self.params, y_hat, self.layout.region)

    def pixels(self, y_hat: Float[Array, "1 h w M"]) -> UInt8[Array, "1 H W 3"]:
        """Decoded latent to image in 8 bits."""
        return self._transform(coding_steps.to_pixels, self.synthesize(y_hat))
