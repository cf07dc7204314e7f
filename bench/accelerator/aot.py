"""What compressing and decompressing an image takes on accelerators that need not be there, step by step.

The range coder and the copies between host and device come on top.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from flax import linen
from jax.sharding import SingleDeviceSharding

from bench.models import open_codec
from cca_jax.codec.codec import Codec
from cca_jax.codec.tiles.precompile import Rehearsal
from cca_jax.config import HYPER_STRIDE
from cca_jax.ops.platform import tracing_for
from cca_jax.tiling.buckets import BucketLayout
from train.plan.accelerators.chips import CHIPS, Chip
from train.plan.accelerators.cost import ProgramCost, program_cost
from train.plan.accelerators.topology import described_devices, parse_topology

_QUALITY = 50.0


@dataclasses.dataclass(frozen=True)
class StepCost:
    """A step of coding.

    Attributes:
        name: of `cca_jax.model.coding.coding_steps`.
        cost: of one run.
    """

    name: str
    cost: ProgramCost


@dataclasses.dataclass(frozen=True)
class CodingCost:
    """A direction, all its steps one after the other.

    Attributes:
        operations: floating-point operations.
        traffic: bytes through main memory.
        peak: bytes of memory that its largest step takes.
        seconds: at best on the chip: the sum of the steps' own bounds.
        compile_seconds: of all programs.
        largest: of each of the steps that take longest, name and seconds at best.
    """

    operations: int
    traffic: int
    peak: int
    seconds: float
    compile_seconds: float
    largest: list[tuple[str, float]]


def open_chips(names: Sequence[str]) -> dict[str, tuple[Chip, Any]]:
    """Chips by name, each with a described device of its kind.

    Raises:
        ValueError: the compiler for one is not installed.
    """
    found = {}
    for name in names:
        chip = CHIPS[name]
        size = "1" if chip.platform == "gpu" else "1x1" + ("x1" if name in ("v4", "v5p") else "")
        found[name] = chip, described_devices(parse_topology(f"{name}:{size}")).flat[0]
    return found


def open_model(name: str, precision: str) -> Codec:
    """An installed model, a folder, or a preset with its first weights, computing in a precision."""
    codec = open_codec(name, None)
    return Codec(codec.bundle, codec.coder, np.dtype(jax.numpy.dtype(precision)))


def coding_costs(codec: Codec, height: int, width: int, chip: Chip, device: Any) -> dict[str, CodingCost]:
    """What "compress" and "decompress" take of an image that is coded as one tile.

    Args:
        codec: the model.
        height: of the image, pixels.
        width: likewise.
        chip: what the device is.
        device: that the programs are compiled for; it need not be there.
    """
    units = (-(-height // HYPER_STRIDE), -(-width // HYPER_STRIDE))
    layout = BucketLayout.within(units, units)
    known: dict[Any, tuple[Any, ProgramCost]] = {}
    found = {}
    for direction in ("compress", "decompress"):
        run = _Counted(codec, layout, device, known)
        (run.encode if direction == "compress" else run.decode)(layout, layout)
        found[direction] = _sum(run.met, chip)
    return found


class _Counted(Rehearsal):
    """Compiles every step that it meets for a device, and counts what it costs.

    Attributes:
        met: the steps in their order.
    """

    def __init__(self, codec: Codec, layout: BucketLayout, device: Any, known: dict[Any, Any]) -> None:
        quality = None if codec.quality_range is None else _QUALITY
        super().__init__(codec.model, codec.params, codec.bundle.scales, layout, quality=quality)
        self.met: list[StepCost] = []
        self._device, self._known = device, known

    def _run(self, part: str, step: Callable[..., Any], *arguments: Any) -> Any:
        del part
        places = [place for place, one in enumerate(arguments) if not isinstance(one, (int, linen.Module))]
        shapes = jax.tree.map(self._shape, [arguments[place] for place in places])
        static = tuple(one for place, one in enumerate(arguments) if place not in places)
        leaves, tree = jax.tree.flatten(shapes)
        key = step.__name__, static, tree, tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        if key not in self._known:

            def program(*values: Any) -> Any:
                whole = list(arguments)
                for place, value in zip(places, values, strict=True):
                    whole[place] = value
                with tracing_for(self._device):
                    return step(*whole)

            traced = jax.jit(program).trace(*shapes)
            self._known[key] = jax.eval_shape(program, *shapes), program_cost(traced)
        result, cost = self._known[key]
        self.met.append(StepCost(step.__name__, cost))
        return result

    def _shape(self, leaf: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(np.shape(leaf), leaf.dtype, sharding=SingleDeviceSharding(self._device))


def _sum(met: Sequence[StepCost], chip: Chip) -> CodingCost:
    seconds = [(step.name, step.cost.bound(chip).least) for step in met]
    programs = {id(step.cost): step.cost for step in met}.values()
    return CodingCost(
        operations=sum(step.cost.operations for step in met),
        traffic=sum(step.cost.traffic for step in met),
        peak=max(step.cost.memory.peak for step in met),
        seconds=sum(bound for _, bound in seconds),
        compile_seconds=sum(cost.compile_seconds for cost in programs),
        largest=sorted(seconds, key=lambda pair: -pair[1])[:3],
    )
