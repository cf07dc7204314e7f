"""Runs on eight virtual devices, for `test_sharded_runs`: prints as JSON what each of them told.

A script of its own, because the devices must be there before JAX is: on_eight_devices.py FOLDER quick|whole
"""

import dataclasses
import json
import sys
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh

from cca_jax.config import ModelConfig
from train.init.start import starting_params
from train.plan.accelerators.collectives import collectives
from train.plan.accelerators.program import read_program
from train.recipe.config import TrainConfig
from train.recipe.durations import Duration
from train.run.loop import run
from train.step.compiled import compile_step
from train.step.mesh import divided, shard_batch
from train.step.placement import abstract_state, first_state

jax.config.update("jax_disable_most_optimizations", True)

MODEL = ModelConfig(
    latent_channels=32, hyper_channels=8, transform_channels=(8, 8, 16), transform_blocks=(0, 0, 1),
    bottleneck_blocks=1, context_channels=16, context_blocks=0, head_channels=(16, 8), num_slices=2,
    explicit_slices=(16, 16),
)  # fmt: skip
CONFIG = TrainConfig(
    model=MODEL, data="photos", duration=Duration(4), drop_at=Duration(2), batch_size=8, patch_size=64,
    learning_rate=1e-3, ema_decay=0.9, log_every=1, validate_every=Duration(4), save_every=Duration(2),
)  # fmt: skip


class Photos:
    """Random ones: batches are a function of their number."""

    steps_per_epoch = 2
    fingerprint = "photos that no disk has"
    validation = np.random.default_rng(9).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)

    def batches(self, start):
        while True:
            yield np.random.default_rng(start).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
            start += 1


def train(folder, mesh, resume=False, **values):
    """What each line of a run says, and how its first large parameter lies at the end."""
    config = dataclasses.replace(CONFIG, **values)
    state = run(config, Photos(), folder, mesh=mesh, tell=lambda line: None, resume=resume)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    kernel = state.params["analysis"]["down_3"]["kernel"]
    return {
        "loss": [line["loss"] for line in lines if line["kind"] == "train"],
        "validation": [line["loss"] for line in lines if line["kind"] == "validation"][-1:],
        "grad_norm": [line["grad_norm"] for line in lines if line["kind"] == "train"],
        "layout": state.layout,
        "share": kernel.size // kernel.addressable_shards[0].data.size,
    }


def compiled(config, mesh):
    shape = (config.batch_size, config.patch_size, config.patch_size, 3)
    crops = jax.ShapeDtypeStruct(shape, np.uint8, sharding=divided(mesh))
    return compile_step(config, 1000, mesh).lower(abstract_state(config, mesh), crops).compile()


def step(mesh, **values):
    """What one step says and does, and what its program exchanges."""
    config = dataclasses.replace(CONFIG, **values)
    program = compiled(config, mesh)
    state = first_state(starting_params(config, None, str), config, mesh)
    state, report = program(state, shard_batch(next(Photos().batches(0)), mesh))
    kernel = state.params["analysis"]["down_3"]["kernel"]
    return {
        "loss": [float(report.terms.loss)],
        "validation": [],
        "grad_norm": [float(report.grad_norm)],
        "kernel": np.asarray(kernel).ravel()[::7].tolist(),
        "average": np.asarray(state.best_params["synthesis"]["up_0"]["kernel"]).ravel()[::7].tolist(),
        "layout": state.layout,
        "share": kernel.size // kernel.addressable_shards[0].data.size,
        **exchanges(program, config, mesh),
    }


def plan(mesh, **values):
    config = dataclasses.replace(CONFIG, **values)
    return exchanges(compiled(config, mesh), config, mesh)


def exchanges(program, config, mesh):
    """Kinds, bytes, members and times of what a step's program exchanges, and bytes of the parameters."""
    group_of = (np.arange(mesh.size) // mesh.shape["batch"]).tolist()
    found = collectives(read_program(program.as_text()), group_of)
    leaves = jax.tree.leaves(abstract_state(config, mesh).params)
    shared = [leaf for leaf in leaves if not leaf.sharding.is_fully_replicated]
    return {
        "exchanges": sorted([one.kind, one.bytes, one.devices, one.groups, one.times] for one in found),
        "params": 4 * sum(leaf.size for leaf in leaves),
        "divided": 4 * sum(leaf.size for leaf in shared),
    }


def main(folder, mode):
    devices = np.array(jax.devices())
    one, four, eight = (Mesh(devices[:count], ("batch",)) for count in (1, 4, 8))
    slices = Mesh(devices.reshape(2, 4), ("slice", "batch"))
    if mode == "quick":
        told = {"whole": step(one, cca="off"), "sharded": step(eight, cca="off", shard_state=True)}
        sys.stdout.write(json.dumps(told) + "\n")
        return
    half, sharded = {"duration": Duration(2)}, {"shard_state": True}
    told = {
        "whole": train(folder / "whole", eight),
        "sharded": train(folder / "sharded", eight, **sharded),
        "slices": train(folder / "slices", slices, **sharded),
        "parts": train(folder / "parts", four, accumulate=2, **sharded),
        "lamb": train(folder / "lamb", eight, optimizer="lamb"),
        "lamb, sharded": train(folder / "lamb_sharded", eight, optimizer="lamb", **sharded),
    }
    for name, first, second in (
        ("four sharded, then one", (four, sharded), (one, {})),
        ("one, then eight sharded", (one, {}), (eight, sharded)),
        ("four sharded, then eight", (four, sharded), (eight, sharded)),
        ("eight, then two slices sharded", (eight, {}), (slices, sharded)),
    ):
        train(folder / name, first[0], **half, **first[1])
        told[name] = train(folder / name, second[0], resume=True, **second[1])
    sys.stdout.write(json.dumps({**told, "plan": plan(eight, **sharded), "plan of slices": plan(slices)}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
