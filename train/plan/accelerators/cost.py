"""What a program costs a device: memory, arithmetic, traffic and exchanges, as its compiler planned it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from train.plan.accelerators.arithmetic import operations
from train.plan.accelerators.chips import Chip
from train.plan.accelerators.collectives import Collective, collectives
from train.plan.accelerators.execution import unknown_loops
from train.plan.accelerators.kernel_schedules import Schedules, scheduled
from train.plan.accelerators.program import read_program
from train.plan.accelerators.roofline import Bound, roofline
from train.plan.accelerators.traffic import Kernel, kernels


@dataclasses.dataclass(frozen=True)
class Memory:
    """Bytes of a device's main memory.

    Attributes:
        arguments: what the program is given.
        temporaries: what it needs meanwhile, at its peak.
        results: what it returns beyond the arguments' own buffers.
        code: the program itself, where it lies in the same memory.
    """

    arguments: int
    temporaries: int
    results: int
    code: int

    @property
    def peak(self) -> int:
        """All of it."""
        return self.arguments + self.temporaries + self.results + self.code


@dataclasses.dataclass(frozen=True)
class ProgramCost:
    """Of one run of a program on one device.

    Attributes:
        compile_seconds: of the compiler.
        memory: what it takes.
        operations: floating-point operations of its matrix products.
        kernels: what moves something, in order.
        exchanges: between devices.
        schedules: how long its kernels take by their schedules, where these were written (`schedules_written`).
        unknown_loops: loops whose trip count the compiler does not know; counted as one turn.
        text: the optimized program.
    """

    compile_seconds: float
    memory: Memory
    operations: int
    kernels: Sequence[Kernel]
    exchanges: Sequence[Collective]
    schedules: Schedules | None
    unknown_loops: int
    text: str = dataclasses.field(repr=False)

    @property
    def traffic(self) -> int:
        """Bytes through main memory."""
        return sum(kernel.total for kernel in self.kernels)

    @property
    def sent(self) -> float:
        """Bytes sent within a slice or host."""
        return sum(exchange.sent for exchange in self.exchanges)

    @property
    def sent_between(self) -> float:
        """Bytes sent to other slices or hosts."""
        return sum(exchange.sent_between for exchange in self.exchanges)

    def bound(self, chip: Chip) -> Bound:
        """The shortest time on a chip."""
        return roofline(chip, self.operations, self.traffic, self.sent, self.sent_between)


def program_cost(traced: Any, group_of: Sequence[int] = (0,), schedules: Path | None = None) -> ProgramCost:
    """Compiles a traced function and counts; see `compiled_with_cost`."""
    return compiled_with_cost(traced, group_of, schedules)[1]


def compiled_with_cost(
    traced: Any, group_of: Sequence[int] = (0,), schedules: Path | None = None
) -> tuple[Any, ProgramCost]:
    """Compiles a traced function and counts: the compiled program, and what it costs.

    Args:
        traced: what `jax.jit(…).trace(…)` returned; its arguments' shardings say for which devices it is.
        group_of: the slice or host of each device.
        schedules: the folder into which a TPU's compiler writes its kernels' (`schedules_written`).
    """
    lowered = traced.lower()
    started = time.perf_counter()
    compiled = lowered.compile()
    seconds = time.perf_counter() - started
    text = compiled.as_text()
    program = read_program(text)
    cost = ProgramCost(
        compile_seconds=seconds,
        memory=_memory(compiled.memory_analysis()),
        operations=operations(traced.jaxpr),
        kernels=kernels(program),
        exchanges=collectives(program, group_of),
        schedules=scheduled(program, schedules) if schedules else None,
        unknown_loops=unknown_loops(program),
        text=text,
    )
    return compiled, cost


def _memory(analysis: Any) -> Memory:
    return Memory(
        arguments=analysis.argument_size_in_bytes,
        temporaries=analysis.temp_size_in_bytes,
        results=max(0, analysis.output_size_in_bytes - analysis.alias_size_in_bytes),
        code=analysis.generated_code_size_in_bytes,
    )
