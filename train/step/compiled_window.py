"""Several steps in one call of the device, for runs whose photos it holds: between them the host does nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, UInt32

from train.data.packed import PackedPhotos
from train.recipe.config import TrainConfig, same_program
from train.step.compiled import jit_over, make_step
from train.step.device_crops import crop_key, draw_crops
from train.step.state import StepReport, TrainState

Window = Callable[[TrainState, PackedPhotos, Array, Array], tuple[TrainState, StepReport]]


def seed_words(seed: int) -> UInt32[np.ndarray, "2 W"]:
    """The keys of a run's seed as numbers: that of its noise and rates, and that of its crops."""
    return np.stack([np.asarray(jax.random.key_data(key)) for key in (jax.random.key(seed), crop_key(seed))])


def make_window(config: TrainConfig, steps_per_epoch: int, mesh: Mesh | None = None) -> Window:
    """As many steps as there are learning rates, pure: state, photos, rates [n] and seed to the state and one report.

    The learning rates are an argument because they alone depend on the length of the run: a run that is to become
    longer or shorter goes on with the program that it has. So is the seed (`seed_words`): runs that differ by it alone
    share a program.
    """
    step = make_step(config, steps_per_epoch, mesh)

    def window(
        state: TrainState, photos: PackedPhotos, learning_rates: Float[Array, " n"], seed: UInt32[Array, "2 W"]
    ) -> tuple[TrainState, StepReport]:
        of_steps, of_crops = jax.random.wrap_key_data(seed[0]), jax.random.wrap_key_data(seed[1])

        def one(state: TrainState, learning_rate: Float[Array, ""]) -> tuple[TrainState, StepReport]:
            crops = draw_crops(photos, of_crops, state.step, config.batch_size, config.patch_size, mesh)
            return step(state, crops, learning_rate, of_steps)

        state, reports = jax.lax.scan(one, state, learning_rates)
        return state, summarize(reports)

    return window


def summarize(reports: StepReport) -> StepReport:
    """One report of several, whose leaves are [n]: means over the steps that were not skipped, the last counters.

    Means are not finite where all steps were skipped.
    """
    done = reports.skipped_in_row == 0
    count = done.sum()

    def mean(values: Array) -> Array:
        return jnp.where(done, values, 0).sum() / count

    return StepReport(
        jax.tree.map(mean, reports.terms),
        mean(reports.grad_norm),
        mean(reports.quantile_loss),
        reports.skipped[-1],
        reports.skipped_in_row[-1],
    )


def compile_window(config: TrainConfig, steps_per_epoch: int, mesh: Mesh) -> Any:
    """`make_window`, jitted over the mesh, once for each number of steps; the state's buffers are given away.

    Runs of a process that differ by their seed, their data or what they report get the same function.
    """
    return _compiled(same_program(config), steps_per_epoch, mesh)


@functools.lru_cache(maxsize=8)
def _compiled(config: TrainConfig, steps_per_epoch: int, mesh: Mesh) -> Any:
    return jit_over(make_window(config, steps_per_epoch, mesh), config, mesh)
