"""What of a program runs, and how often: loops by their trip counts, of conditionals every branch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from train.plan.accelerators.program import Computation, Instruction, Program
from train.plan.accelerators.trip_count import trip_count


class Executed(NamedTuple):
    """An instruction that becomes a kernel, a copy or a call, where it stands and how often it runs."""

    instruction: Instruction
    computation: Computation
    times: int


def executed(program: Program) -> Iterator[Executed]:
    """Every instruction that runs, fusions as a whole; a loop of unknown length turns once here (`unknown_loops`)."""
    yield from _executed(program, program.entry, 1)


def unknown_loops(program: Program) -> int:
    """Loops whose number of turns nothing says."""
    return sum(
        instruction.operation == "while" and trip_count(program, computation, instruction) is None
        for computation in program.computations.values()
        for instruction in computation.values()
    )


def _executed(program: Program, name: str, times: int) -> Iterator[Executed]:
    computation = program.computations[name]
    for instruction in computation.values():
        turns = 1
        if instruction.operation == "while":
            turns = trip_count(program, computation, instruction) or 1
            inner = instruction.called("body")
        elif instruction.operation in ("call", "async-start"):
            inner = instruction.called("to_apply") or instruction.called("calls")
        elif instruction.operation == "conditional":
            roles = ("branch_computations", "true_computation", "false_computation")
            inner = [branch for role in roles for branch in instruction.called(role)]
        else:
            yield Executed(instruction, computation, times)
            continue
        for one in inner:
            yield from _executed(program, one, times * turns)
