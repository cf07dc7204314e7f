"""The photos of a run: batches to learn from, crops to validate on."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh
from jaxtyping import UInt8

from train.data import Photos, center_crops, open_photos, steps_per_epoch, training_batches
from train.data.packed import PackedPhotos, pack_photos
from train.recipe.config import TrainConfig
from train.step.mesh import replicated


class RunData:
    """What a run reads; a context manager that stops the threads and processes that read it.

    Attributes:
        validation: crops, uint8 [N, S, S, 3], the same in every process.
        steps_per_epoch: batches that see every photo once.
        fingerprint: see `train.data.Photos`.
        held_out: the photos of `validation`, whole.
    """

    def __init__(self, config: TrainConfig, photos: Photos, workers: int, tell: Callable[[str], None]) -> None:
        self._config, self._photos, self._workers, self._tell = config, photos, workers, tell
        self._open = contextlib.ExitStack()
        self.steps_per_epoch = steps_per_epoch(photos.training, config.batch_size)
        self.fingerprint, self.held_out = photos.fingerprint, photos.validation
        self._packed: PackedPhotos | None = None
        self._heard = tell if jax.process_index() == 0 else str  # all processes decode the same ones
        self.validation = center_crops(photos.validation, config.patch_size, self._heard)

    def batches(self, start: int) -> Iterator[UInt8[np.ndarray, "b S S 3"]]:
        """This process's rows of the batches from number `start` on."""
        return self._open.enter_context(
            training_batches(
                self._photos.training,
                seed=self._config.seed,
                batch_size=self._config.batch_size,
                patch_size=self._config.patch_size,
                start=start,
                process_index=jax.process_index(),
                process_count=jax.process_count(),
                workers=self._workers,
                tell=self._tell,
            )
        )

    def on_device(self, mesh: Mesh) -> PackedPhotos:
        """All photos for training in the memory of every device; decoded when first asked for.

        Raises:
            ValueError: they do not fit.
        """
        if self._packed is None:
            packed = pack_photos(
                self._photos.training,
                size=self._config.patch_size,
                weight=self._config.crop_weight,
                limit_bytes=self._config.photo_memory * 2**20,
                tell=self._heard,
            )
            self._packed = jax.tree.map(partial(jax.make_array_from_process_local_data, replicated(mesh)), packed)
        return self._packed

    def of(self, config: TrainConfig) -> RunData:
        """The same photos for another run with crops of the same size; what the devices hold already is shared."""
        other = copy.copy(self)
        other._config, other._open = config, contextlib.ExitStack()
        return other

    def __enter__(self) -> RunData:
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()


def open_run_data(config: TrainConfig, workers: int, data_dir: Path | None, tell: Callable[[str], None]) -> RunData:
    """Opens the data that a configuration names, and tells what was passed over.

    Args:
        config: the run.
        workers: processes that decode; 0 for threads.
        data_dir: where TensorFlow Datasets keeps its data.
        tell: called with every line a person should see.

    Raises:
        ValueError: no such data, or nothing usable in it.
    """
    photos = open_photos(config.data, config.validation_photos, data_dir)
    if jax.process_index() == 0:
        for note in photos.notes:
            tell(note)
    return RunData(config, photos, workers, tell)
