"""How large an image may be: bounds that are checked before anything is compiled or allocated for it.

Sixty bytes can declare an image of 65535×65535 pixels, with checksums that are right: whoever writes a file can compute
them. So a file's declared size is held against a number of pixels and against the machine's memory. What a process
that codes or decodes holds at its peak is at most

    1.2 GB + 16 bytes · pixels + `working_bytes`,

where the last term follows a tile and a row of tiles, not the image (docs/coding/robustness.md).
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from cca_jax.config import HYPER_STRIDE, ModelConfig
from cca_jax.entropy_coding.errors import TooLargeError
from cca_jax.tiling.buckets import bucket_side
from cca_jax.tiling.geometry import Grid

DEFAULT_MAX_PIXELS = 300_000_000
"""Of an image. Pillow warns of 89 million and refuses 179 million."""
PROCESS_BYTES = 1_200_000_000
"""Interpreter, libraries, weights and programs, at most."""
BYTES_PER_PIXEL = 16
"""Of the image: its pixels as they are read, coded, decoded and written."""
_BYTES_OF_A_ROW = 20
"""By pixel of a row of tiles: the floats in which tiles are joined, and their latents."""
_ARRAYS = 8
"""Of the widest stage of a transform, that are held at once."""
_FLOAT = 4  # bytes
TILES_AT_ONCE = 4
"""That are decoded side by side, at most: each takes its memory."""
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def check_pixels(height: int, width: int, max_pixels: int) -> None:
    """Raises TooLargeError where an image has more than `max_pixels`."""
    if height * width > max_pixels:
        raise TooLargeError(
            f"an image of {width}×{height} pixels is larger than the {max_pixels:,} pixels that are accepted: raise "
            "max_pixels (--max-pixels) if you trust where it is from"
        )


def check_memory(config: ModelConfig, grid: Grid) -> None:
    """Raises TooLargeError where a grid's tiles would take more memory than the machine has."""
    needed, available = working_bytes(config, grid), machine_bytes()
    if available is not None and needed > available:
        rows, columns = (HYPER_STRIDE * side for side in grid.tile)
        raise TooLargeError(
            f"a tile of {columns}×{rows} pixels may take {needed / 1e9:,.0f} GB of memory with this model, and this "
            f"machine has {available / 1e9:,.0f} GB: use smaller tiles, or a machine with more"
        )


def working_bytes(config: ModelConfig, grid: Grid) -> int:
    """The most bytes that the networks take, by the shapes that a grid's tiles are computed in."""
    rows, columns = (HYPER_STRIDE * bucket_side(side) for side in grid.widest)
    widest = max(channels / 4 ** (stage + 1) for stage, channels in enumerate(config.transform_channels))
    of_a_latent = config.latent_channels / 16**2 * min(grid.columns, TILES_AT_ONCE)
    joined = _BYTES_OF_A_ROW * HYPER_STRIDE**2 * grid.tile[0] * grid.area[1] if grid.count > 1 else 0
    return round(rows * columns * _FLOAT * _ARRAYS * (widest + of_a_latent)) + joined


def machine_bytes() -> int | None:
    """The memory that this process can have, or None where the system does not say."""
    known = []
    with contextlib.suppress(OSError, ValueError, AttributeError):
        known.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(OSError, ValueError):
        known.append(int(_CGROUP_LIMIT.read_text()))
    return min(known, default=None)
