"""Programs compiled ahead of time: all that a file needs at once, in threads, while the first of them run already.

A rehearsal goes the way of an image with shapes in the place of arrays. Each step that it meets is lowered, which takes
Python and gives the shapes of what follows, and compiled in a thread, which does not; or its program is read from where
an earlier process left it. When the image itself comes to that step, it finds the program or waits for it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from cca_jax.codec.tiles.tile_coder import TileCoder
from cca_jax.compile_cache import programs
from cca_jax.compile_cache.cores import usable_cores
from cca_jax.compile_cache.environment import settings
from cca_jax.config import HYPER_STRIDE
from cca_jax.model.cca import CCAModel
from cca_jax.tiling.buckets import BucketLayout
from cca_jax.tiling.halo import POSITIONS

_MAX_THREADS = 8
_rehearsed: set[tuple[Any, ...]] = set()
_rehearsing = threading.Lock()


def compile_encoder(
    model: CCAModel,
    params: Any,
    scales: np.ndarray,
    transforms: BucketLayout,
    coding: BucketLayout,
    quality: float | None,
    dtype: np.dtype | type,
) -> None:
    """Starts to compile what encoding takes, unless this process did so before.

    Args:
        model: the networks.
        params: their parameters.
        scales: see `TileCoder`.
        transforms: a frame like those that the image's transform is computed in.
        coding: a frame like those that hyperprior and slices are computed in.
        quality: any, in a model of several rates.
        dtype: of the image as the networks take it (`samples.in_levels`).
    """
    with _first(f"encoder of {np.dtype(dtype)}", model, transforms, coding, quality) as is_first:
        if not is_first:
            return
        with _Rehearsal(model, params, scales, transforms, quality=quality) as run:
            run.encode(transforms, coding, dtype)


def compile_decoder(
    model: CCAModel,
    params: Any,
    scales: np.ndarray,
    transforms: BucketLayout,
    coding: BucketLayout,
    quality: float | None,
) -> None:
    """Starts to compile what decoding takes; as for `compile_encoder`."""
    with _first("decoder", model, transforms, coding, quality) as is_first:
        if not is_first:
            return
        with _Rehearsal(model, params, scales, coding, quality=quality) as run:
            run.decode(transforms, coding)


@contextlib.contextmanager
def _first(
    direction: str, model: CCAModel, transforms: BucketLayout, coding: BucketLayout, quality: float | None
) -> Iterator[bool]:
    """Whether nobody rehearsed this before. Who asks meanwhile waits, and need not compile it all himself."""
    shapes = transforms.shape, coding.shape, coding.region is None
    key = (direction, model, shapes, quality is None, settings())
    if jax.config.jax_disable_jit or key in _rehearsed:  # type: ignore[attr-defined]  # nothing is compiled then
        yield False
    else:
        with _rehearsing:
            yield key not in _rehearsed
            _rehearsed.add(key)


def _shaped(layout: BucketLayout, scale: int, channels: int, dtype: Any) -> Any:
    """An array of the frame with so many positions a unit, without values."""
    return jax.ShapeDtypeStruct((1, *(scale * side for side in layout.shape), channels), dtype)


class Rehearsal(TileCoder):
    """An execution on shapes: what becomes of the steps that it meets is for a subclass to say, in `_run`."""

    def encode(self, transforms: BucketLayout, coding: BucketLayout, dtype: np.dtype | type = np.uint8) -> None:
        """Goes the way of an image to symbols; arguments as for `compile_encoder`."""
        self.layout = transforms
        self.analyze(_shaped(transforms, HYPER_STRIDE, 3, dtype))
        self.layout = coding
        y = _shaped(coding, POSITIONS, self.model.config.latent_channels, np.float32)
        self.encode_slices(y, self.hyper_analyze(y)[0])

    def decode(self, transforms: BucketLayout, coding: BucketLayout) -> None:
        """Goes the way of symbols to an image."""
        config = self.model.config
        # Where no slice is read all are predicted, by the same programs. Tables from slices take these as read.
        count = config.num_slices if config.scale_source == "context_exact" else 0
        self.layout = coding
        self.decode_slices(_shaped(coding, 1, config.hyper_channels, np.int32), lambda _, tables: tables, count)
        self.layout = transforms
        self.pixels(_shaped(transforms, POSITIONS, config.latent_channels, np.float32))

    def on_host(self, indexes: Any) -> Any:
        """A shape has no values."""
        return indexes

    def with_zeros(self, symbols: Any, shape: tuple[int, ...]) -> Any:
        """Likewise."""
        return jax.ShapeDtypeStruct(shape, np.int32)


class _Rehearsal(Rehearsal):
    """On leaving it, what it met goes on compiling."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._threads = ThreadPoolExecutor(min(_MAX_THREADS, usable_cores()), "compile")
        super().__init__(*arguments, **named)

    def __enter__(self) -> _Rehearsal:
        return self

    def __exit__(self, *error: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=error[0] is not None)

    def _run(self, part: str, step: Callable[..., Any], *arguments: Any) -> Any:
        del part
        return programs.prepare(step, arguments, self._threads)
