"""How long a model takes to code an image, and its coder's share."""

from __future__ import annotations

import numpy as np

from bench.timing import Timing, measure
from cca_jax.codec import Codec
from cca_jax.coding import container
from cca_jax.coding.coders import get_coder

SIZES = ((256, 256), (512, 768))


def smooth_image(height: int, width: int) -> np.ndarray:
    """A picture of gradients and waves, uint8 [height, width, 3]: the same everywhere, without a file."""
    rows, columns = np.mgrid[:height, :width]
    waves = [128 + 100 * np.sin(rows / (9 + 7 * c) + columns / (23 - 5 * c)) for c in range(3)]
    return np.stack(waves, axis=-1).astype(np.uint8)


def time_codec(codec: Codec, height: int, width: int, repetitions: int) -> dict[str, Timing]:
    """Timings of one size by what was timed."""
    image = smooth_image(height, width)
    timings = {"compress": measure(lambda: codec.compress(image), repetitions)}
    data = codec.compress(image)
    timings["decompress"] = measure(lambda: codec.decompress(data), repetitions)
    encoding = codec.encode(image)
    timings["synthesis"] = measure(lambda: codec.reconstruct(encoding.y_hat), repetitions)
    streams, coder = encoding.container.streams, get_coder(encoding.container.coder)
    tables = [codec.bundle.hyper] + [codec.bundle.gaussian] * codec.config.num_slices

    def decode_streams() -> None:
        for stream, indexes, table in zip(streams, encoding.indexes, tables, strict=True):
            container.symbol_check(coder.decode(stream.data, indexes.ravel(), table))

    timings["coder (decoding)"] = measure(decode_streams, repetitions)
    return timings
