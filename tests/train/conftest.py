"""A small run's parts: photos, a configuration whose every part matters, and data without files."""

import dataclasses

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from train.recipe.config import TrainConfig
from train.recipe.durations import Duration


class MemoryData:
    """Random photos: batches are a function of their number, as those of files are."""

    steps_per_epoch = 2
    fingerprint = "photos that no disk has"

    def __init__(self, batch_size=4, size=64):
        self.batch_size = batch_size
        self.validation = np.random.default_rng(9).integers(0, 256, (3, size, size, 3), dtype=np.uint8)

    def batch(self, number):
        return np.random.default_rng(number).integers(0, 256, (self.batch_size, 64, 64, 3), dtype=np.uint8)

    def batches(self, start):
        number = start
        while True:
            yield self.batch(number)
            number += 1


@pytest.fixture(scope="session")
def train_config(micro):
    """Four steps; a validation and a checkpoint after the second, where λ changes too, and the fourth."""
    return TrainConfig(
        model=micro,
        data="photos",
        duration=Duration(4),
        drop_at=Duration(2),
        batch_size=4,
        patch_size=64,
        rate_weight=1000.0,
        first_rate_weight=1.0,
        learning_rate=1e-2,
        ema_decay=0.9,
        validation_photos=3,
        log_every=1,
        validate_every=Duration(2),
        save_every=Duration(1, "epochs"),
        keep=2,
    )


@pytest.fixture(scope="session")
def memory_data():
    return MemoryData()


@pytest.fixture(scope="session")
def one_device():
    return Mesh(np.array(jax.devices()[:1]), ("batch",))


@pytest.fixture(scope="session")
def with_fields():
    return dataclasses.replace
