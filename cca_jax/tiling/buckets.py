"""Shapes: an image, its padded area, and the bucket of shapes it is computed in (docs/file/format.md).

The image is padded to whole units of 64 pixels, and its area to a bucket: a side of the area becomes the next number
of units with at most three significant binary digits (1 … 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, …). That adds less
than a quarter to a side, and nothing or a few per cent to most photos' (512, 768, 1024, 2048 and 4096 pixels are
buckets), and all images up to 4096 pixels a side share twenty sides.
"""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from cca_jax.config import HYPER_STRIDE
from cca_jax.ops.valid_region import ValidRegion

_SIGNIFICANT_DIGITS = 3


def bucket_side(units: int) -> int:
    """The bucket's side for an area's side, both in units of 64 pixels, at least 1."""
    step = 1 << max(0, units.bit_length() - _SIGNIFICANT_DIGITS)
    return -(-units // step) * step


def pad(image: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Repeats the last row and column until both sides are multiples of 64.

    The reference pads with zeros around the image, to multiples of 128; a black frame costs bits, and no file of the
    reference exists that would have to be matched.
    """
    below, right = (-side % HYPER_STRIDE for side in image.shape[:2])
    return np.pad(image, ((0, below), (0, right), (0, 0)), mode="edge")


@dataclasses.dataclass(frozen=True)
class BucketLayout:
    """Where an image lies in the arrays that it is computed in: at the top left.

    Attributes:
        area: height and width of the padded image, or of a part of it, in units of 64 pixels.
        shape: those of the arrays.
        region: the area as the compiled steps take it; None where it is computed in its own shape, without a bucket.
    """

    area: tuple[int, int]
    shape: tuple[int, int]
    region: ValidRegion | None

    @classmethod
    def within(cls, area: tuple[int, int], sides: tuple[int, int], bucketed: bool = True) -> BucketLayout:
        """The frame of an area in the bucket of another that is as large or larger: tiles share that of the largest.

        Without `bucketed` the arrays are the area.
        """
        if not bucketed:
            return cls(area, area, None)
        shape = (bucket_side(sides[0]), bucket_side(sides[1]))
        return cls(area, shape, ValidRegion(jnp.asarray(np.array(area, np.int32)), shape))

    def fill(self, array: np.ndarray) -> np.ndarray:
        """An array [1, h, w, C] of the area, at any resolution, with zeros below and to the right up to the bucket."""
        scale = array.shape[1] // self.area[0]
        below, right = ((full - part) * scale for full, part in zip(self.shape, self.area, strict=True))
        return np.pad(array, ((0, 0), (0, below), (0, right), (0, 0))) if below or right else array

    def cut(self, array: np.ndarray) -> np.ndarray:
        """The area's part of an array [1, h, w, C] of the bucket, at any resolution, in memory of its own order."""
        scale = array.shape[1] // self.shape[0]
        return np.ascontiguousarray(array[:, : self.area[0] * scale, : self.area[1] * scale])
