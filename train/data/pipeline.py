"""Batches of random crops, each a pure function of (seed, position), through grain.

Photo number e of a run is photo e mod N of the shuffle of epoch ⌊e/N⌋, and its crop's place is drawn from (seed, e).
Batch number k is photos kB to (k+1)B - 1, so it does not depend on where a run began, nor on how many hosts, processes
or threads share the work.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from cca_jax.compile_cache.cores import usable_cores
from cca_jax.image_io.images import ImageError
from train.data.batches import Drawn, TrainingBatches
from train.data.crops import random_crop
from train.data.decode import quiet_pillow
from train.data.source import CachedPhotos, PhotoSource
from train.data.workers import start_worker

_MOST_FAILURES = 100
"""So many photos in a row that cannot be decoded are no accident: the disk is gone, or these are no photos."""

_MOST_THREADS = 16


def steps_per_epoch(source: PhotoSource, batch_size: int) -> int:
    """Batches until each photo was seen; the last of them is filled up from the next epoch."""
    return -(-len(source) // batch_size)


def training_batches(
    source: PhotoSource,
    *,
    seed: int,
    batch_size: int,
    patch_size: int,
    start: int = 0,
    process_index: int = 0,
    process_count: int = 1,
    workers: int = 0,
    cache_bytes: int = 2**30,
    tell: Callable[[str], object] | None = None,
) -> TrainingBatches:
    """Random crops of shuffled photos, without end.

    Args:
        source: the photos; each is visited once an epoch. One that cannot be decoded is replaced by the next that can.
        seed: of order and places, at least 0.
        batch_size: crops of the global batch B, over all hosts.
        patch_size: their side S in pixels; smaller photos are mirrored at their borders.
        start: number of the first batch: as many as were consumed before.
        process_index: this host p of `process_count`; it gets rows pB/P to (p+1)B/P - 1 and decodes no others.
        process_count: hosts P; must divide the batch.
        workers: processes that decode; 0 decodes in threads of this one.
        cache_bytes: decoded photos kept in memory where threads decode.
        tell: called with one line for each photo that failed, once; by default they go to standard error.

    Returns:
        An iterator over uint8 [B/P, S, S, 3]. Close it, or use it as a context manager, to stop its threads and
        processes; it is also closed at exit.

    Raises:
        ValueError: an argument is out of range, or grain is not installed.
    """
    _check(batch_size, process_index, process_count, patch_size, start, workers)
    grain = _grain()
    quiet_pillow()
    # grain shuffles epoch n by seed + n: without this, one run's second epoch would have the next run's first order.
    shuffle_seed, crop_seed = (int(word) for word in np.random.SeedSequence(seed).generate_state(2))
    photos = source if workers else CachedPhotos(source, cache_bytes)
    local = batch_size // process_count
    batches = (
        grain.MapDataset.source(_Replacing(photos))
        .shuffle(shuffle_seed)
        .repeat()
        .map_with_index(partial(_crop, crop_seed, patch_size))
        .batch(local, drop_remainder=True, batch_fn=_join)
    )
    # A global batch is P local ones in a row, so every P-th is this host's.
    batches = batches[start * process_count + process_index :: process_count]
    threads = 1 if workers else min(usable_cores(), _MOST_THREADS)
    stream = batches.to_iter_dataset(grain.ReadOptions(num_threads=threads, prefetch_buffer_size=threads + 1))
    if workers:
        stream = _in_processes(grain, stream, workers)
    return TrainingBatches(iter(stream), start, tell)


@dataclass(frozen=True)
class _Replacing:
    """A source whose photos that cannot be decoded are replaced by the next that can, and named."""

    photos: PhotoSource

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> Drawn:
        failures: list[str] = []
        while True:
            try:
                return Drawn(self.photos[(index + len(failures)) % len(self)], tuple(failures))
            except ImageError as error:
                failures.append(str(error))
            if len(failures) == min(_MOST_FAILURES, len(self)):
                return Drawn(None, tuple(failures))


def _crop(seed: int, size: int, index: int, photo: Drawn) -> Drawn:
    if photo.pixels is None:
        return photo
    return Drawn(random_crop(photo.pixels, size, np.random.default_rng((seed, index))), photo.failures)


def _join(crops: Sequence[Drawn]) -> Drawn:
    pixels = [crop.pixels for crop in crops if crop.pixels is not None]
    failures = tuple(line for crop in crops for line in crop.failures)
    return Drawn(np.stack(pixels) if len(pixels) == len(crops) else None, failures)


def _in_processes(grain: Any, stream: Any, workers: int) -> Any:
    # Newer releases of grain read their flags here, and absl refuses where no command line was parsed by it.
    flags = importlib.import_module("absl.flags").FLAGS
    if not flags.is_parsed():
        flags.mark_as_parsed()
    # Through pipes: a container's shared memory is often too small, and writing past its end kills without a word.
    in_pipes = grain.experimental.DatasetOptions(min_shm_size=sys.maxsize)
    options = grain.multiprocessing.MultiprocessingOptions(num_workers=workers, per_worker_buffer_size=2)
    return grain.experimental.WithOptionsIterDataset(stream, in_pipes).mp_prefetch(options, start_worker)


def _check(batch_size: int, process_index: int, process_count: int, patch_size: int, start: int, workers: int) -> None:
    if batch_size < 1 or patch_size < 1:
        raise ValueError(f"batch_size and patch_size must be at least 1, got {batch_size} and {patch_size}")
    if not 0 <= process_index < process_count:
        raise ValueError(f"process_index must be in [0, {process_count}), got {process_index}")
    if batch_size % process_count:
        raise ValueError(f"a batch of {batch_size} cannot be shared by {process_count} hosts: make it a multiple")
    if start < 0 or workers < 0:
        raise ValueError(f"start and workers must be at least 0, got {start} and {workers}")


def _grain() -> Any:
    try:
        return importlib.import_module("grain")
    except ImportError as error:
        raise ValueError("photos are read through grain, which is not installed: pip install -e '.[train]'") from error
