"""A checked file's way to pixels."""

from __future__ import annotations

import numpy as np

from cca_jax.bitstream.container import Container
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.checks.limits import TILES_AT_ONCE
from cca_jax.codec.tiles.image_coder import ImageCoder
from cca_jax.codec.tiles.latent_coding import Observe, decode_tiles
from cca_jax.codec.tiles.stopwatch import Stopwatch
from cca_jax.compile_cache.cores import usable_cores
from cca_jax.entropy_coding.coders import get_coder


def decode_pixels(
    run: ImageCoder,
    file: Container,
    bundle: Bundle,
    dtype: np.dtype | type,
    clock: Stopwatch | None,
    observe: Observe | None,
) -> np.ndarray:
    """The image [H, W, 3] of a file.

    Args:
        run: of the file's tiles and quality.
        file: with z of every tile, and the slices to decode.
        bundle: the model.
        dtype: of the samples, uint8 or uint16.
        clock: the run's.
        observe: is shown each stream's symbols.

    Raises:
        CorruptError, MismatchError, CoderUnavailableError: see `Codec.decompress`.
    """
    coder = get_coder(file.coder)
    coder.prepare()
    run.compile_decoder()
    # A stopwatch adds up what is done one by one.
    workers = min(file.grid.columns, usable_cores(), TILES_AT_ONCE) if clock is None else 1
    latents = decode_tiles(run, file, bundle, coder, workers, observe)
    return run.synthesize(latents, file.height, file.width, dtype)
