"""The slices: their one recurrence, its one context rule, and the networks that predict them (paper section 3.2).

The latent is cut on channels into slices; slice i is predicted from the hyperprior and the decoded slices
0 … i-1-skip. The main model has skip = 0; the auxiliary model has skip = 1: it does without the most recent slice,
and what that costs is what the CCA loss measures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.config import ModelConfig
from cca_jax.model.layers import Head, NAFStack


class SlicePrediction(NamedTuple):
    """What is known of a slice of m channels before it is coded; [B, H/16, W/16, ·].

    Attributes:
        mean: μ, [..., m].
        scale: σ before its lower bound, [..., m].
        features: the mean's context features, which the residual prediction reads again.
    """

    mean: Float[Array, "B h w m"]
    scale: Float[Array, "B h w m"]
    features: Float[Array, "B h w F"]


Predict = Callable[[int, Sequence[Array]], SlicePrediction]
"""(slice, its context of decoded slices) to what is known of it."""
Code = Callable[[int, SlicePrediction], Array]
"""(slice, prediction) to the dequantised slice: from the encoder's latent or from the decoder's stream."""
Refine = Callable[[int, SlicePrediction, Array], Array]
"""(slice, prediction, dequantised slice) to the decoded slice ŷ."""


def context_length(index: int, skip: int) -> int:
    """How many decoded slices slice `index` (from 0) sees: all before it but the `skip` most recent."""
    return max(0, index - skip)


def refined_slices(num_slices: int, skip: int) -> int:
    """How many slices get a residual prediction: all where they are synthesised, else those some slice sees."""
    return num_slices if skip == 0 else context_length(num_slices - 1, skip)


def slice_recurrence(num_slices: int, skip: int, predict: Predict, code: Code, refine: Refine) -> list[Array]:
    """Runs through the slices; training, compression, decompression and the auxiliary model all do it here.

    Returns:
        The decoded slices in order (those with a residual prediction: see `refined_slices`).
    """
    decoded: list[Array] = []
    for index in range(num_slices):
        prediction = predict(index, decoded[: context_length(index, skip)])
        dequantised = code(index, prediction)
        if index < refined_slices(num_slices, skip):
            decoded.append(refine(index, prediction, dequantised))
    return decoded


class _Predictor(nn.Module):
    """Context features and what a head makes of them: the same network for the mean and for the scale."""

    config: ModelConfig
    channels: int

    @nn.compact
    def __call__(self, carry: None, context: Array) -> tuple[None, tuple[Array, Array]]:
        width, blocks = self.config.context_channels, self.config.context_blocks
        features = NAFStack(context.shape[-1], width, blocks, name="stack")(context)
        return carry, (Head(self.channels, self.config.head_channels, name="head")(features), features)


# Mean and scale are two turns of one loop over stacked parameters, [2, …]: they compile once.
_MeanAndScale = nn.scan(_Predictor, variable_axes={"params": 0}, split_rngs={"params": True}, length=2)


class SliceNetworks(nn.Module):
    """The networks of all slices under one context rule.

    Attributes:
        config: the model's sizes.
        skip: 0 for the main model, 1 for the auxiliary one.
    """

    config: ModelConfig
    skip: int

    def setup(self) -> None:
        sizes = self.config.slice_sizes
        self.predictors = [_MeanAndScale(self.config, size) for size in sizes]
        count = refined_slices(len(sizes), self.skip)
        self.residual_heads = [Head(size, self.config.head_channels) for size in sizes[:count]]

    def predict(self, index: int, hyper_mean: Array, hyper_scale: Array, context: Sequence[Array]) -> SlicePrediction:
        """Mean, scale and features of slice `index` from the hyperprior [B, H/16, W/16, M] and its context."""
        inputs = [jnp.concatenate([hyper, *context], axis=-1) for hyper in (hyper_mean, hyper_scale)]
        _, (outputs, features) = self.predictors[index](None, jnp.stack(inputs))
        return SlicePrediction(outputs[0], outputs[1], features[0])

    def refine(self, index: int, features: Array, dequantised: Array) -> Array:
        """Latent residual prediction: adds ½ tanh of what the features say the rounding took away."""
        residual = self.residual_heads[index](jnp.concatenate([features, dequantised], axis=-1))
        return dequantised + 0.5 * jnp.tanh(residual)

    def decode(self, hyper_mean: Array, hyper_scale: Array, code: Code) -> list[Array]:
        """The recurrence over these networks; `code` supplies each dequantised slice."""
        return slice_recurrence(
            self.config.num_slices,
            self.skip,
            lambda index, context: self.predict(index, hyper_mean, hyper_scale, context),
            code,
            lambda index, prediction, value: self.refine(index, prediction.features, value),
        )
