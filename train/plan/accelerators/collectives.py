"""What a program's devices tell each other: kinds, bytes, and whether slices or hosts are crossed.

Bytes are what each device sends when a ring carries the exchange, which is optimal: of an all-reduce among n devices
2(n-1)/n of the array, of an all-gather or a reduce-scatter (n-1)/n of the whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from train.plan.accelerators.execution import executed
from train.plan.accelerators.program import Computation, Instruction, Program

_KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "ragged-all-to-all", "collective-permute",
          "collective-broadcast")  # fmt: skip
_BETWEEN_SLICES = re.compile(r'_xla_megascale_transfer_type="(\w+)"')
"""TPU slices are programs of their own: what they exchange is sent to the host's runtime."""
_CHAIN = re.compile(r'chain_id="(\d+)"')
"""A TPU sends beside other work: one exchange then is a chain of fusions, each of which names the whole of it."""


class Collective(NamedTuple):
    """An exchange.

    Attributes:
        kind: "all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute", …
        bytes: of the whole array: what is added up, or what is there in the end.
        devices: that take part in one exchange.
        groups: slices or hosts that these lie in.
        times: a run of the program.
        label: where it comes from in the source.
    """

    kind: str
    bytes: int
    devices: int
    groups: int
    times: int
    label: str

    @property
    def sent(self) -> float:
        """Bytes that a device sends within its slice or host, all runs together."""
        return self.times * _sent(self.kind, self.bytes, self.devices // self.groups)

    @property
    def sent_between(self) -> float:
        """Bytes that a device sends to other slices or hosts: first its own combines, so that each sends a share."""
        within = self.devices // self.groups
        return self.times * _sent(self.kind, self.bytes, self.groups) / within


def is_collective(operation: str) -> bool:
    """Whether an HLO operation, or its start, is an exchange."""
    return operation.removesuffix("-start") in _KINDS


def collectives(program: Program, group_of: Sequence[int]) -> list[Collective]:
    """All exchanges of a program.

    Args:
        program: of one device of all.
        group_of: the slice or host of each device.
    """
    found, chains = [], set[str]()
    for instruction, computation, times in executed(program):
        operation = instruction.operation
        if is_collective(operation):
            found.append(_exchange(instruction, computation, group_of, times))
        elif operation == "fusion":
            inner = program.computations[instruction.called("calls")[0]]
            for one in (one for one in inner.values() if is_collective(one.operation)):
                links = _CHAIN.findall(one.attributes)
                if chains.isdisjoint(links):
                    found.append(_exchange(one, inner, group_of, times))
                chains.update(links)
        elif operation == "send" and (transfer := _BETWEEN_SLICES.search(instruction.attributes)):
            kind, slices = transfer[1].lower().replace("_", "-"), len(set(group_of))
            size = computation[instruction.operands[0]].bytes
            found.append(Collective(kind, size, slices, slices, times, instruction.label))
    return [exchange for exchange in found if exchange.devices > 1]


def _exchange(instruction: Instruction, computation: Computation, group_of: Sequence[int], times: int) -> Collective:
    members = _first_group(instruction, len(group_of))
    kind = instruction.operation.removesuffix("-start")
    size = sum(computation[name].bytes for name in instruction.operands)
    if kind == "all-gather":
        size *= len(members)
    elif kind == "all-reduce" and _is_scattered(instruction, computation):
        kind = "reduce-scatter"
    groups = len({group_of[member] for member in members})
    return Collective(kind, size, len(members), groups, times, instruction.label)


def _is_scattered(instruction: Instruction, computation: Computation) -> bool:
    """Whether a fusion adds up and keeps a part: how a TPU's compiler writes a reduce-scatter."""
    root = computation.root
    return root.operation == "dynamic-slice" and root.operands[0] == instruction.name


def _sent(kind: str, whole: int, count: int) -> float:
    if kind == "collective-permute":
        return whole if count > 1 else 0.0
    return (2 if kind == "all-reduce" else 1) * whole * (count - 1) / count


def _first_group(instruction: Instruction, count: int) -> list[int]:
    """The devices of the first exchange of several that run side by side; all where none are named."""
    text = instruction.attributes
    if found := re.search(r"source_target_pairs=\{\{(\d+),(\d+)\}", text):
        return [int(found[1]), int(found[2])]
    if found := re.search(r"replica_groups=\{\{([\d,]+)\}", text):
        return [int(number) for number in found[1].split(",")]
    if found := re.search(r"replica_groups=\[([\d,]+)\]<=\[([\d,]+)\](?:T\(([\d,]+)\))?", text):
        shape, sides, order = ([int(n) for n in (part or "").split(",") if n] for part in found.groups())
        numbers = np.arange(math.prod(sides)).reshape(sides)
        return np.transpose(numbers, order or None).reshape(shape)[0].tolist()
    if found := re.search(r"replica_groups=mesh\[([^\]]*)\] \{([^}]*)\}", text):
        axes = {name: int(size) for name, size in re.findall(r"'(\w+)'=(\d+)", found[1])}
        moving = re.findall(r"'(\w+)'", found[2])
        numbers = np.arange(math.prod(axes.values())).reshape(list(axes.values()))
        return numbers[tuple(slice(None) if name in moving else 0 for name in axes)].ravel().tolist()
    return list(range(count))
