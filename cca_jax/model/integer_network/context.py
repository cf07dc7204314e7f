"""What the decoded slices' integers add to the scales of the next one, in integers.

A branch of the network of `scales` for each slice that has a context. It reads the surprises of the decoded
slices' symbols (`surprise`), which are integers and so the same everywhere, the network's last hidden activations
and the rate; what it puts out is added to the network's sums before these are rounded to table indexes. Its last layer
begins at 0: a model that had no such branch goes on from what it knows.
"""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.config import ModelConfig
from cca_jax.model.integer_network.arithmetic import LARGEST, bounded
from cca_jax.model.integer_network.layers import IntegerConv
from cca_jax.model.integer_network.rate import IntegerRate
from cca_jax.model.integer_network.surprise import LARGEST_SURPRISE, SURPRISE_BITS
from cca_jax.ops.valid_region import ValidRegion

_RATE_UNITS = 4  # of a table's shift; 31 tables either way, which is a factor of 45 of the step, is the bound


class ContextBranch(nn.Module):
    """Surprises of a context [B, h, w, n], activations [B, h, w, C] and a rate to sums [B, h, w, m] before rounding.

    Attributes:
        config: the model's sizes.
        channels: m, of the slice.
    """

    config: ModelConfig
    channels: int

    @nn.compact
    def __call__(
        self,
        surprises: Sequence[Float[Array, "B h w _"]],
        hidden: Float[Array, "B h w C"],
        rate: IntegerRate | None = None,
        region: ValidRegion | None = None,
    ) -> Float[Array, "B h w m"]:
        width = self.config.scale_context_channels
        read = jnp.concatenate(surprises, axis=-1)
        symbols = IntegerConv(width, SURPRISE_BITS, largest=LARGEST_SURPRISE, name="symbols")(read, region)
        inputs = jnp.concatenate([hidden, _coarseness(rate, hidden)], axis=-1)
        x = bounded(symbols + IntegerConv(width, size=1, name="hyper")(inputs, region), 0, LARGEST)
        x = bounded(IntegerConv(width, size=1, name="second")(x, region), 0, LARGEST)
        return IntegerConv(self.channels, output_bits=0, size=1, initial=0.0, rounds=False, name="last")(x, region)


def _coarseness(rate: IntegerRate | None, like: Array) -> Float[Array, "B h w 1"]:
    """How coarse the steps are, which surprises do not say: the shift of the latent's first channel."""
    shape = (*like.shape[:-1], 1)
    if rate is None:
        return jnp.zeros(shape, like.dtype)
    shift = jax.lax.stop_gradient(rate.shift[..., :1])
    return jnp.broadcast_to(jnp.clip(_RATE_UNITS * shift, -LARGEST, LARGEST), shape).astype(like.dtype)
