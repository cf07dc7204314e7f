"""Scales from the integer network: what is coded depends on nothing that two machines may round differently.

The hyper-latent's integers, multiplied by the rate's factor and clipped to ±127, go through two 3×3 layers that double
the resolution and one that keeps it, all of `layers`. The outcome, lowered by the rate's shifts (`rate`),
is the index of each symbol's coding table. With "context_exact" the sums of a slice's channels are raised, before they
are rounded, by what the symbols of the slices in its context say (`context`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.config import ModelConfig
from cca_jax.model.integer_network.arithmetic import FRACTION_BITS, LARGEST, bounded, rounded
from cca_jax.model.integer_network.context import ContextBranch
from cca_jax.model.integer_network.layers import IntegerConv
from cca_jax.model.integer_network.rate import FACTOR_BITS, IntegerRate
from cca_jax.model.integer_network.surprise import surprise
from cca_jax.model.recurrence import context_of, slice_recurrence
from cca_jax.ops.likelihoods.scales import SCALE_COUNT, scale_of_index
from cca_jax.ops.planes import depth_to_space
from cca_jax.ops.quantization.rounding import round_straight_through
from cca_jax.ops.valid_region import ValidRegion

INITIAL_BIAS = 1.25
"""Of the last layer, which it raises by 20: the first scales lie around table 20, at 1.3 steps."""

_INPUT_BITS = 2  # of the hyper-latent times the factor


class ScaleSums(NamedTuple):
    """What the hyper-latent says of all scales, integers held in float32.

    Attributes:
        hidden: the last hidden activations, 0 … 127, [B, H/16, W/16, C].
        sums: of the last layer, before they are rounded, [B, H/16, W/16, M].
    """

    hidden: Float[Array, "B h w C"]
    sums: Float[Array, "B h w M"]


class ExactScales(nn.Module):
    """Integers of the hyper-latent [B, H/64, W/64, Z] to table indexes 0 … 63, [B, H/16, W/16, M], both as floats.

    Attributes:
        config: the model's sizes.
        skip: of the context rule: 0 for the main model, 1 for the auxiliary one.
    """

    config: ModelConfig
    skip: int = 0

    def setup(self) -> None:
        width = 4 * self.config.scale_channels
        self.first = IntegerConv(width, _INPUT_BITS)
        self.second = IntegerConv(width)
        # Indexes are whole: with a fraction, one step of training would move them by many.
        self.last = IntegerConv(
            self.config.latent_channels, output_bits=0, initial_bias=INITIAL_BIAS, rounds=False, name="last"
        )
        if self.config.scale_source == "context_exact":
            self.context = {
                str(index): ContextBranch(self.config, size)
                for index, size in enumerate(self.config.slice_sizes)
                if context_of(self.config, index, self.skip)
            }

    def __call__(
        self, integers: Float[Array, "B hz wz Z"], rate: IntegerRate | None = None, region: ValidRegion | None = None
    ) -> Float[Array, "B h w M"]:
        """Of the hyper-latent alone. The rate is that of a model of several."""
        return _indexes(self.of_hyper(integers, rate, region).sums, None if rate is None else rate.shift)

    def of_hyper(
        self, integers: Float[Array, "B hz wz Z"], rate: IntegerRate | None = None, region: ValidRegion | None = None
    ) -> ScaleSums:
        """What all slices' indexes begin with."""
        x = bounded(integers.astype(jnp.float32), -LARGEST, LARGEST)
        factor = 2.0**FACTOR_BITS if rate is None else rate.factor
        x = bounded(round_straight_through(x * factor * 2.0 ** (_INPUT_BITS - FACTOR_BITS)), -LARGEST, LARGEST)
        for layer in (self.first, self.second):
            x = depth_to_space(bounded(layer(x, region), 0, LARGEST))
        return ScaleSums(x, self.last(x, region))

    def of_slice(
        self,
        index: int,
        hyper: ScaleSums,
        surprises: Sequence[Float[Array, "B h w _"]],
        rate: IntegerRate | None = None,
        region: ValidRegion | None = None,
    ) -> Float[Array, "B h w m"]:
        """The indexes of slice `index`, whose context has these surprises."""
        channels = slice(*self.config.slice_edges[index : index + 2])
        sums = hyper.sums[..., channels]
        if surprises:
            sums = sums + self.context[str(index)](surprises, hyper.hidden, rate, region)
        return _indexes(sums, None if rate is None else rate.shift[..., channels])

    def of_symbols(
        self,
        integers: Float[Array, "B hz wz Z"],
        symbols: Sequence[Float[Array, "B h w _"]],
        rate: IntegerRate | None = None,
        region: ValidRegion | None = None,
    ) -> list[Float[Array, "B h w _"]]:
        """The indexes of all slices by their recurrence, where all symbols are known.

        Args:
            integers: of the hyper-latent.
            symbols: of each slice.
            rate: of a model of several.
            region: how much of the arrays is image.
        """
        hyper = self.of_hyper(integers, rate, region)
        indexes: list[Array] = []

        def predict(index: int, context: Sequence[Array]) -> Array:
            indexes.append(self.of_slice(index, hyper, context, rate, region))
            return indexes[-1]

        slice_recurrence(
            self.config,
            self.skip,
            predict,
            lambda index, _: symbols[index],
            lambda index, own, symbols: surprise(symbols, own),
        )
        return indexes


def scales_of_symbols(
    network: ExactScales, integers: Float[Array, "B hz wz Z"], rate: IntegerRate | None
) -> Callable[[Sequence[Array]], list[Array]]:
    """What makes scales of all slices' symbols; in training these take gradients from there."""
    return lambda symbols: [scale_of_index(indexes) for indexes in network.of_symbols(integers, symbols, rate)]


def _indexes(sums: Array, shift: Array | None) -> Array:
    x = rounded(sums, FRACTION_BITS, 0)
    return bounded(x if shift is None else x - shift, 0, SCALE_COUNT - 1)
