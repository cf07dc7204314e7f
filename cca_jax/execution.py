"""One image's way through the compiled steps of a model; encoder and decoder go it with the same programs.

Where the slices' scales come from their context, the range coder waits for each slice's networks and they for it.
Where they are exact, all indexes follow from the hyper-latent: a decoder reads every symbol before the first slice's
networks run, and these run in one call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32, UInt8

from cca_jax.buckets import Frame
from cca_jax.model import steps
from cca_jax.model.cca import CCAModel
from cca_jax.model.exact_rate import ExactRate, coded_rate
from cca_jax.model.slices import Code, SlicePrediction, slice_recurrence
from cca_jax.quality import rate_position
from cca_jax.stopwatch import CODER, ENTROPY_MODEL, TRANSFORM, Stopwatch, timed

DecodeSlice = Callable[[int, np.ndarray], np.ndarray]
"""(slice, the tables of its symbols) to the symbols, int32 [1, h, w, m], both in the frame's shape."""


class Execution:
    """The steps bound to a model, a frame and a stopwatch; all arrays have the frame's shape.

    Attributes:
        model: the networks.
        params: their parameters.
        scales: the standard deviations that have a table, float32 [T].
        frame: where the image lies in the arrays.
        clock: counts the parts "transform" and "entropy model", which are then waited for; None counts nothing.
        step: the step sizes of the quality, [1, 1, 1, M]; None for a model of a single rate.
        exact_rate: what a network of integers is told of them.
    """

    def __init__(
        self,
        model: CCAModel,
        params: Any,
        scales: np.ndarray,
        frame: Frame,
        clock: Stopwatch | None = None,
        quality: float | None = None,
    ) -> None:
        self.model, self.params, self.scales, self.frame, self.clock = model, params, scales, frame, clock
        self.step: Array | None = None
        self.exact_rate: ExactRate | None = None
        if quality is not None:
            position = rate_position(quality, model.config.num_rates)
            self.step = steps.step_sizes(model, params, np.array([position], np.float32))
            if model.config.exact_scales:
                log_steps = np.asarray(params["rates"]["log_step"])
                self.exact_rate = coded_rate(model.config, log_steps, position.numerator, position.denominator)
        self._transform = partial(timed, clock, TRANSFORM)
        self._entropy_model = partial(timed, clock, ENTROPY_MODEL)

    def analyse(self, image: UInt8[np.ndarray, "1 H W 3"]) -> Float[Array, "1 h w M"]:
        """Image to latent."""
        return self._transform(steps.analyse, self.model, self.params, image, self.frame.extent)

    def hyper_analyse(self, y: Float[Array, "1 h w M"]) -> tuple[Array, Array]:
        """Latent to the hyper-latent's symbols, and whether the latent is finite."""
        return self._entropy_model(steps.hyper_analyse, self.model, self.params, y, self.frame.extent, self.step)

    def encode_slices(
        self, y: Float[Array, "1 h w M"], z_symbols: Int32[Array, "1 hz wz Z"]
    ) -> tuple[list[Array], list[Array], Array]:
        """What is coded for each slice, the tables of these symbols, and the decoded latent."""
        edges, extent = self.model.config.slice_edges, self.frame.extent
        if self.model.config.exact_scales:
            given = (self.model, self.params, y, z_symbols, extent, self.step)
            symbols, latent = self._entropy_model(steps.encode_latent, *given)
            indexes = self._scale_indexes(z_symbols)
            return *(jnp.split(array, edges[1:-1], axis=-1) for array in (symbols, indexes)), latent
        coded: list[Array] = []
        told: list[Array] = []

        def code(index: int, prediction: SlicePrediction) -> Array:
            coded.append(self.symbols(y[..., edges[index] : edges[index + 1]], prediction))
            told.append(self.indexes(prediction))
            return self.dequantise(coded[-1], prediction)

        latent = self.code_slices(z_symbols, code)
        return coded, told, latent

    def decode_slices(
        self, z_symbols: Int32[Array, "1 hz wz Z"], decode: DecodeSlice, count: int
    ) -> Float[Array, "1 h w M"]:
        """The decoded latent of the first `count` slices' symbols; the other slices take their predicted means."""
        if self.model.config.exact_scales:
            edges = self.model.config.slice_edges
            indexes = timed(self.clock, CODER, np.asarray, self._scale_indexes(z_symbols))
            symbols = np.zeros_like(indexes)  # a mean is what no steps away from it is
            for index in range(count):
                channels = slice(edges[index], edges[index + 1])
                symbols[..., channels] = decode(index, indexes[..., channels])
            given = (self.model, self.params, z_symbols, symbols, self.frame.extent, self.step)
            return self._entropy_model(steps.decode_latent, *given)

        def code(index: int, prediction: SlicePrediction) -> Array:
            if index >= count:
                return prediction.mean
            indexes = timed(self.clock, CODER, np.asarray, self.indexes(prediction))
            return self.dequantise(jnp.asarray(decode(index, indexes)), prediction)

        return self.code_slices(z_symbols, code)

    def _scale_indexes(self, z_symbols: Int32[Array, "1 hz wz Z"]) -> Int32[Array, "1 h w M"]:
        given = (self.model, self.params, z_symbols, self.frame.extent, self.exact_rate)
        return self._entropy_model(steps.scale_indexes, *given)

    def code_slices(self, z_symbols: Int32[Array, "1 hz wz Z"], code: Code) -> Float[Array, "1 h w M"]:
        """The decoded latent by the slice recurrence, step by step; `code` supplies each dequantised slice."""
        model, params, extent, step = self.model, self.params, self.frame.extent, self.step
        hyper = self._entropy_model(steps.hyper_synthesise, model, params, z_symbols, extent, step)

        def predict(index: int, context: Sequence[Array]) -> SlicePrediction:
            return self._entropy_model(steps.predict, model, index, params, *hyper, context, extent, step)

        def refine(index: int, prediction: SlicePrediction, dequantised: Array) -> Array:
            return self._entropy_model(steps.refine, model, index, params, prediction, dequantised, extent)

        return jnp.concatenate(slice_recurrence(model.config.num_slices, 0, predict, code, refine), axis=-1)

    def symbols(self, target: Float[Array, "1 h w m"], prediction: SlicePrediction) -> Int32[Array, "1 h w m"]:
        """What is coded for a slice of the latent."""
        return self._entropy_model(steps.to_symbols, target, prediction, self.frame.extent)

    def indexes(self, prediction: SlicePrediction) -> Int32[Array, "1 h w m"]:
        """The table of each symbol."""
        return self._entropy_model(steps.indexes, prediction, self.scales)

    def dequantise(self, symbols: Int32[Array, "1 h w m"], prediction: SlicePrediction) -> Float[Array, "1 h w m"]:
        """What symbols stand for."""
        return self._entropy_model(steps.dequantise, symbols, prediction)

    def synthesise(self, y_hat: Float[Array, "1 h w M"]) -> Float[Array, "1 H W 3"]:
        """Decoded latent to image, neither clamped nor rounded."""
        return self._transform(steps.synthesise, self.model, self.params, y_hat, self.frame.extent)

    def pixels(self, y_hat: Float[Array, "1 h w M"]) -> UInt8[Array, "1 H W 3"]:
        """Decoded latent to image in 8 bits."""
        return self._transform(steps.to_pixels, self.synthesise(y_hat))
