"""An image encoded: the file and the integers in it."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Array, Float

from cca_jax.buckets import Frame
from cca_jax.coding import container


@dataclasses.dataclass(frozen=True)
class Encoding:
    """A file and the integers in it.

    Attributes:
        container: the file.
        symbols: int32, per stream (z, then the slices), [1, h, w, channels].
        indexes: int32, of the same shapes: the table of each symbol.
        frame: where the image lies in the latent.
        latent: the decoded latent on the device, in the frame's shape.
    """

    container: container.Container
    symbols: tuple[np.ndarray, ...]
    indexes: tuple[np.ndarray, ...]
    frame: Frame
    latent: Array

    @property
    def y_hat(self) -> Float[np.ndarray, "1 h w M"]:
        """The decoded latent of the image."""
        return self.frame.cut(np.asarray(self.latent))
