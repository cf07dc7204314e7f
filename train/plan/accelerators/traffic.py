"""Bytes that an optimized program moves through a device's main memory, and who moves them.

Every kernel reads its operands and writes its results once. What lies in on-chip memory costs nothing; what a kernel
only slices is read as the slices; what it updates in place is written as the update. So a loop that slices a stacked
array reads one slice a turn. An estimate: what caches keep between kernels is not seen, nor what a kernel reads twice.
"""

from __future__ import annotations

import collections
from typing import NamedTuple

from train.plan.accelerators.collectives import is_collective
from train.plan.accelerators.execution import executed
from train.plan.accelerators.program import Buffer, Computation, Instruction, Program

_FREE = {
    "after-all", "bitcast", "constant", "get-tuple-element", "iota", "opt-barrier", "parameter", "partition-id",
    "replica-id", "tuple",
}  # fmt: skip
_SLICES = ("slice", "dynamic-slice", "gather")
_NO_TRAFFIC = ("AllocateBuffer", "AllocateInputFusionBuffer", "Sharding", "GlobalBarrier", "MarkStep")
"""Custom calls that name memory and move none."""


class Kernel(NamedTuple):
    """One that runs.

    Attributes:
        bytes: read and written in main memory each time.
        times: a run of the program.
        operation: HLO's name of it.
        result: types and sides.
        label: where it comes from in the source.
    """

    bytes: int
    times: int
    operation: str
    result: str
    label: str

    @property
    def total(self) -> int:
        """Bytes of all its runs."""
        return self.bytes * self.times


def kernels(program: Program) -> list[Kernel]:
    """All that move something, in the order of the program."""
    found = []
    for instruction, computation, times in executed(program):
        size = _bytes(program, computation, instruction)
        if size:
            result = ", ".join(buffer.text for buffer in instruction.buffers)
            found.append(Kernel(size, times, instruction.operation, result, instruction.label))
    return found


def main_memory_bytes(program: Program) -> int:
    """Bytes that one run of a program reads and writes in main memory."""
    return sum(kernel.total for kernel in kernels(program))


def largest(found: list[Kernel], count: int) -> list[Kernel]:
    """The kernels that move most, those of one label, operation and result as one."""
    groups: dict[tuple[str, str, str], list[Kernel]] = collections.defaultdict(list)
    for kernel in found:
        groups[kernel.operation, kernel.result, kernel.label].append(kernel)
    merged = []
    for same in groups.values():
        times = sum(kernel.times for kernel in same)
        merged.append(same[0]._replace(bytes=sum(kernel.total for kernel in same) // times, times=times))
    return sorted(merged, key=lambda kernel: -kernel.total)[:count]


def _bytes(program: Program, computation: Computation, instruction: Instruction) -> int:
    operation = instruction.operation
    if operation in _FREE or operation.endswith(("-done", "-update")):
        return 0
    if operation == "fusion":
        return _of_fusion(program, computation, instruction)
    sources = [computation[name] for name in instruction.operands if name in computation]
    results = _results(instruction, len(sources))
    plain = operation.removesuffix("-start")
    if plain in _SLICES:
        # One slice is read from where the array lies, and written to where the result lies.
        moved = sum(buffer.bytes for buffer in results)
        read = moved if sources and sources[0].in_main else 0
        return read + sum(source.in_main for source in sources[1:]) + sum(buffer.in_main for buffer in results)
    if plain in ("dynamic-update-slice", "scatter"):
        update = sources[1 if plain == "dynamic-update-slice" else 2]
        return update.in_main + (update.bytes if sources[0].in_main else 0)
    if operation in ("send", "recv"):
        return sum(source.in_main for source in sources) if operation == "send" else results[0].in_main
    if operation == "custom-call":
        if any(f'custom_call_target="{target}"' in instruction.attributes for target in _NO_TRAFFIC):
            return 0
        if len(results) > 1 and results[-1].text.startswith(("u8[", "s8[")):
            results = results[:-1]  # scratch memory of a library
    return sum(source.in_main for source in sources) + sum(buffer.in_main for buffer in results)


def _results(instruction: Instruction, operands: int) -> tuple[Buffer, ...]:
    """What an instruction writes. The types of asynchronous ones also name their operands, and a context."""
    operation, buffers = instruction.operation, instruction.buffers
    if operation == "copy-start":
        return buffers[:1]
    if operation.endswith("-start") and len(buffers) > operands:
        own = buffers[operands:]
        return own[:operands] if is_collective(operation) else own[:1]
    return buffers


def _of_fusion(program: Program, computation: Computation, instruction: Instruction) -> int:
    inner = program.computations[instruction.called("calls")[0]]
    total = 0
    for index, name in enumerate(instruction.operands):
        size = computation[name].in_main if name in computation else 0
        if size:
            total += min(size, _read_of_parameter(program, inner, index, size))
    for buffer, source in zip(instruction.buffers, _outputs(inner), strict=False):
        update = _update_in_place(inner, source)
        total += buffer.in_main if update is None else min(buffer.in_main, update)
    return total


def _read_of_parameter(program: Program, inner: Computation, index: int, whole: int) -> int:
    """Bytes that a fused computation reads of its parameter number `index`, at most `whole`."""
    for instruction in inner.values():
        if instruction.operation == "parameter" and instruction.argument == str(index):
            return _read_of(program, inner, instruction.name, whole)
    return whole


def _read_of(program: Program, inner: Computation, name: str, whole: int) -> int:
    total = 0
    users = [user for user in inner.values() if name in user.operands]
    for user in users:
        place = user.operands.index(name)
        if user.operation in _SLICES and place == 0:
            total += user.bytes
        elif user.operation == "dynamic-update-slice" and place == 0 and _is_output(inner, user.name):
            total += 0  # all but the update stays as it is
        elif user.operation == "bitcast" and not user.root:
            total += _read_of(program, inner, user.name, whole)
        elif user.operation == "fusion":
            called = program.computations[user.called("calls")[0]]
            total += _read_of_parameter(program, called, place, whole)
        else:
            return whole
    return min(total, whole)


def _outputs(inner: Computation) -> list[Instruction]:
    """What a fused computation gives, an instruction for each buffer of its result."""
    root = inner.root
    return [inner[name] for name in root.operands] if root.operation == "tuple" else [root]


def _is_output(inner: Computation, name: str) -> bool:
    return any(_origin(inner, output).name == name for output in _outputs(inner))


def _origin(inner: Computation, output: Instruction) -> Instruction:
    """What an output is another view of."""
    while output.operation == "bitcast":
        output = inner[output.operands[0]]
    return output


def _update_in_place(inner: Computation, output: Instruction) -> int | None:
    """Bytes of the update where an output is an array with a part of it replaced; None where it is written whole."""
    origin = _origin(inner, output)
    return inner[origin.operands[1]].bytes if origin.operation == "dynamic-update-slice" else None
