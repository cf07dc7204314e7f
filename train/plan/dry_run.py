"""What `--dry-run` says: what would run, on what, and how much memory it would take."""

from __future__ import annotations

import json

from jax.sharding import Mesh

from cca_jax.model.parameters.initialize import parameter_count
from train.plan.memory import estimate_memory
from train.recipe.config import TrainConfig
from train.step.compiled import build_model
from train.step.mesh import check_divides
from train.step.placement import state_layout, state_shapes

_MIB = 2**20


def describe_run(config: TrainConfig, steps_per_epoch: int, mesh: Mesh) -> str:
    """Configuration, parameters, memory and mesh as text.

    Raises:
        ValueError: the batch does not divide among the devices.
    """
    check_divides(config.batch_size, config.accumulate, mesh)
    params = state_shapes(config, state_layout(config, mesh)).params
    total = parameter_count(params)
    auxiliary = parameter_count(params.get("auxiliary", {}))
    memory = estimate_memory(config, build_model(config), mesh)
    gathered = f"gathered parameters {memory.gathered // _MIB:,}, " if memory.gathered else ""
    steps = config.duration.steps(steps_per_epoch)
    kinds = ", ".join(sorted({device.device_kind for device in mesh.devices.flat}))
    lines = [
        json.dumps(config.to_dict(), indent=2),
        f"length      {steps} steps, {steps / steps_per_epoch:.4g} epochs of {steps_per_epoch} steps",
        f"parameters  {total:,}: {total - auxiliary:,} of the model, {auxiliary:,} of the auxiliary model",
        f"mesh        {mesh.size} × {kinds}; {config.batch_size // mesh.size} crops a step on each",
        f"memory      about {memory.total // _MIB:,} MiB a device: state {memory.state // _MIB:,}, {gathered}gradients "
        f"{memory.gradients // _MIB:,}, activations {memory.activations // _MIB:,}; the compiler's temporary buffers "
        "come on top",
    ]
    return "\n".join(lines)
