"""The step of a run: `train.step.step` with all that the run's configuration and the step's number decide."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jaxtyping import Array, Float, UInt8

from cca_jax.compile_cache.options import compiler_options
from cca_jax.model.cca import CCAModel
from cca_jax.model.noise import Noise
from cca_jax.model.rates import RatePoint
from cca_jax.ops.platform import tracing_for
from train.recipe.config import TrainConfig
from train.step import schedules
from train.step.mesh import replicated
from train.step.placement import optimizer_of, state_shardings
from train.step.rates import draw_rates
from train.step.state import StepReport, TrainState
from train.step.step import train_step


class Step(Protocol):
    """See `make_step`."""

    def __call__(
        self, state: TrainState, crops: Array, learning_rate: Array | None = None, key: Array | None = None
    ) -> tuple[TrainState, StepReport]:
        """The next state and a report."""
        ...


def build_model(config: TrainConfig) -> CCAModel:
    """The networks as this run executes them."""
    precision = jnp.dtype(config.precision)
    if config.finish:  # on the latents that float32 networks make
        return CCAModel(config.model, remat=config.remat, synthesis_dtype=precision)
    return CCAModel(config.model, compute_dtype=precision, remat=config.remat)


def make_step(config: TrainConfig, steps_per_epoch: int, mesh: Mesh | None = None) -> Step:
    """The run's step, pure: state and crops uint8 [B, S, S, 3] to the next state and a report.

    Noise, learning rate, weights and rates follow from the state's step number alone; a caller may give the learning
    rate and the key of the run's seed, so that the program depends on neither the length nor the seed of the run.
    """
    learning_rate_of, weight_of, hyper_rate_factor_of, cca_weight_of = (
        schedule(config, steps_per_epoch)
        for schedule in (
            schedules.learning_rate,
            schedules.rate_weight,
            schedules.hyper_rate_factor,
            schedules.cca_weight,
        )
    )
    model = build_model(config)

    def step(
        state: TrainState,
        crops: UInt8[Array, "B S S 3"],
        learning_rate: Float[Array, ""] | None = None,
        key: Array | None = None,
    ) -> tuple[TrainState, StepReport]:
        of_run = jax.random.key(config.seed) if key is None else key
        noise_key, rate_key = jax.random.split(jax.random.fold_in(of_run, state.step))
        noise = None
        if config.rate_proxy == "noise":
            noise = Noise.sample(noise_key, config.model, crops.shape, auxiliary=config.cca != "off")
        if config.model.rate_weights:
            rate = draw_rates(config.model, rate_key, len(crops))
        else:
            rate = RatePoint.single(weight_of(state.step))
        return train_step(
            model,
            state,
            crops.astype(jnp.float32) / 255,
            noise,
            learning_rate=learning_rate_of(state.step) if learning_rate is None else learning_rate,
            rate=rate,
            hyper_rate_factor=hyper_rate_factor_of(state.step),
            cca_weight=cca_weight_of(state.step),
            max_norm=config.clip_norm,
            form=config.cca,
            distortion=config.loss,
            accumulate=config.accumulate,
            average_decay=config.ema_decay,
            optimizer=optimizer_of(config),
            mesh=mesh,
            shard_state=config.shard_state,
        )

    if mesh is None:
        return step

    def step_for_mesh(
        state: TrainState,
        crops: UInt8[Array, "B S S 3"],
        learning_rate: Float[Array, ""] | None = None,
        key: Array | None = None,
    ) -> tuple[TrainState, StepReport]:
        with tracing_for(mesh.devices.flat[0]):
            return step(state, crops, learning_rate, key)

    return step_for_mesh


@functools.lru_cache(maxsize=2)
def compile_step(config: TrainConfig, steps_per_epoch: int, mesh: Mesh) -> Any:
    """`make_step`, jitted over the mesh; the state's buffers are given away.

    Equal runs of a process get the same function, so that the second one need not be traced and compiled again.
    """
    return jit_over(make_step(config, steps_per_epoch, mesh), config, mesh)


def jit_over(step: Callable[..., Any], config: TrainConfig, mesh: Mesh) -> Any:
    """Jits what takes a state first, which it gives away, and returns the next and a report."""
    return jax.jit(
        step,
        donate_argnums=0,
        out_shardings=(state_shardings(config, mesh), replicated(mesh)),
        compiler_options=compiler_options(replicated(mesh), config.kernel_memory),
    )
