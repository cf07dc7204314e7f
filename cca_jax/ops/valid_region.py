"""Arrays larger than their image, so that images of many sizes share one compiled program.

A bucket's arrays hold the image at the top left. What the networks compute there must not depend on the rest: every
convolution that looks further than its own position sees zeros beyond the image, as it sees them beyond the edge of an
array that fits, and averages are taken over the image alone. These two functions are all that takes; without an extent
they do what they do for arrays that fit.
"""

from __future__ import annotations

import flax.struct
import jax.numpy as jnp
from jaxtyping import Array, Int32


@flax.struct.dataclass
class ValidRegion:
    """How much of a bucket is image.

    Attributes:
        sides: height and width of the image in units of 64 pixels, int32 [2], at most the bucket's: a traced value.
        bucket: height and width of the bucket in the same units: part of the compiled program's shape.
        gradients: whether any are taken: not through lowerings that are for coding alone.
    """

    sides: Int32[Array, "2"]
    bucket: tuple[int, int] = flax.struct.field(pytree_node=False)
    gradients: bool = flax.struct.field(pytree_node=False, default=False)

    def at(self, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """Height and width of the image in an array [B, H, W, C] of the bucket, whose H and W say its resolution."""
        height, width = (self.sides[axis] * (shape[1 + axis] // self.bucket[axis]) for axis in (0, 1))
        return height, width

    def positions(self, shape: tuple[int, ...]) -> Array:
        """Positions of the image in such an array."""
        height, width = self.at(shape)
        return height * width

    def masked_rows(self, strip: Array, start: Array, shape: tuple[int, ...]) -> Array:
        """Rows [B, r, W, C] of an array of that shape, from number `start` on, with zeros outside the image."""
        height, width = self.at(shape)
        rows, columns = start + jnp.arange(strip.shape[1]) < height, jnp.arange(strip.shape[2]) < width
        return jnp.where(rows[None, :, None, None] & columns[None, None, :, None], strip, 0)


def masked(x: Array, region: ValidRegion | None) -> Array:
    """[B, H, W, C] with zeros outside the image."""
    if region is None:
        return x
    return region.masked_rows(x, jnp.int32(0), x.shape)


def plane_mean(x: Array, region: ValidRegion | None) -> Array:
    """Means over the image: [B, H, W, C] to [B, 1, 1, C]."""
    if region is None:
        return x.mean((1, 2), keepdims=True)
    return masked(x, region).sum((1, 2), keepdims=True) / region.positions(x.shape).astype(x.dtype)
