"""One image's way through the compiled steps of a model; encoder and decoder go it with the same programs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32, UInt8

from cca_jax.buckets import Frame
from cca_jax.model import steps
from cca_jax.model.cca import CCAModel
from cca_jax.model.slices import Code, SlicePrediction, slice_recurrence
from cca_jax.stopwatch import ENTROPY_MODEL, TRANSFORM, Stopwatch, timed


class Execution:
    """The steps bound to a model, a frame and a stopwatch; all arrays have the frame's shape.

    Attributes:
        model: the networks.
        params: their parameters.
        scales: the standard deviations that have a table, float32 [T].
        frame: where the image lies in the arrays.
        clock: counts the parts "transform" and "entropy model", which are then waited for; None counts nothing.
    """

    def __init__(
        self, model: CCAModel, params: Any, scales: np.ndarray, frame: Frame, clock: Stopwatch | None = None
    ) -> None:
        self.model, self.params, self.scales, self.frame, self.clock = model, params, scales, frame, clock
        self._transform = partial(timed, clock, TRANSFORM)
        self._entropy_model = partial(timed, clock, ENTROPY_MODEL)

    def analyse(self, image: UInt8[np.ndarray, "1 H W 3"]) -> Float[Array, "1 h w M"]:
        """Image to latent."""
        return self._transform(steps.analyse, self.model, self.params, image, self.frame.extent)

    def hyper_analyse(self, y: Float[Array, "1 h w M"]) -> tuple[Array, Array]:
        """Latent to the hyper-latent's symbols, and whether the latent is finite."""
        return self._entropy_model(steps.hyper_analyse, self.model, self.params, y, self.frame.extent)

    def code_slices(self, z_symbols: Int32[Array, "1 hz wz Z"], code: Code) -> Float[Array, "1 h w M"]:
        """The decoded latent by the slice recurrence; `code` supplies each dequantised slice."""
        model, params, extent = self.model, self.params, self.frame.extent
        hyper = self._entropy_model(steps.hyper_synthesise, model, params, z_symbols, extent)

        def predict(index: int, context: Sequence[Array]) -> SlicePrediction:
            return self._entropy_model(steps.predict, model, index, params, *hyper, context, extent)

        def refine(index: int, prediction: SlicePrediction, dequantised: Array) -> Array:
            return self._entropy_model(steps.refine, model, index, params, prediction.features, dequantised, extent)

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
