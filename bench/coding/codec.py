"""How long a model takes to code an image, where the time goes, and how much memory it takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.timing import Timing, measure, summarize
from cca_jax.codec.codec import Codec
from cca_jax.codec.tiles.stopwatch import CODER, ENTROPY_MODEL, TRANSFORM, Stopwatch
from eval.runner.memory import with_peak

_PARTS = (TRANSFORM, ENTROPY_MODEL, CODER)


@dataclasses.dataclass(frozen=True)
class CodecFigures:
    """One model and one size.

    Attributes:
        bytes: of the file.
        compress: seconds of the whole call; its first call compiles.
        decompress: likewise.
        compress_parts: seconds by part, from runs that wait for each part.
        decompress_parts: likewise.
        copies: seconds to bring as many integers as the file's symbols and tables to the device and back; the parts
            count their copies under the coder.
        compress_memory: most bytes that the process held meanwhile; None where the system does not tell.
        decompress_memory: likewise.
    """

    bytes: int
    compress: Timing
    decompress: Timing
    compress_parts: dict[str, Timing]
    decompress_parts: dict[str, Timing]
    copies: Timing
    compress_memory: int | None
    decompress_memory: int | None


def smooth_image(height: int, width: int) -> np.ndarray:
    """A picture of gradients and waves, uint8 [height, width, 3]: the same everywhere, without a file."""
    rows, columns = np.ogrid[:height, :width]
    image = np.empty((height, width, 3), np.uint8)
    for c in range(3):  # channel by channel: 100 megapixels of float64 are 0.8 GB
        image[..., c] = 128 + 100 * np.sin(rows / (9 + 7 * c) + columns / (23 - 5 * c))
    return image


def time_codec(codec: Codec, height: int, width: int, repetitions: int) -> CodecFigures:
    """Times one size; compiles first, without JAX's cache."""
    jax.config.update("jax_enable_compilation_cache", False)
    image = smooth_image(height, width)
    made: list[bytes] = []
    compress, compress_memory = with_peak(lambda: measure(lambda: made.append(codec.compress(image)), repetitions))
    data = made[-1]
    decompress, decompress_memory = with_peak(lambda: measure(lambda: codec.decompress(data), repetitions))
    encodings = [_clocked(lambda clock: codec.encode(image, clock=clock)) for _ in range(repetitions)]
    decodings = [_clocked(lambda clock: codec.decompress(data, clock=clock)) for _ in range(repetitions)]
    encoding = encodings[0][1]
    integers = [*encoding.symbols, *encoding.indexes]
    return CodecFigures(
        len(data),
        compress,
        decompress,
        _by_part([seconds for seconds, _ in encodings]),
        _by_part([seconds for seconds, _ in decodings]),
        measure(lambda: jax.device_get([jnp.array(array) for array in integers]), repetitions),
        compress_memory,
        decompress_memory,
    )


def _clocked(call: Callable[[Stopwatch], Any]) -> tuple[dict[str, float], Any]:
    """Seconds by part of a call, and what it returns."""
    clock = Stopwatch()
    result = call(clock)
    return clock.seconds, result


def _by_part(runs: list[dict[str, float]]) -> dict[str, Timing]:
    return {part: summarize([run[part] for run in runs]) for part in _PARTS}
