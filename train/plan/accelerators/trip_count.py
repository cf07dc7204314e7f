"""How often a loop of an optimized program turns: as the compiler says, or as its condition does.

Compilers for GPUs note trip counts. Those for TPUs do not, but a loop over a stacked array counts a number from a
constant up to another by ones.
"""

from __future__ import annotations

import re

from train.plan.accelerators.program import Computation, Instruction, Program

_NOTED = re.compile(r'"known_trip_count":\{"n":"(\d+)"')


def trip_count(program: Program, computation: Computation, loop: Instruction) -> int | None:
    """Turns of a loop; None where they do not follow from constants.

    Args:
        program: the whole.
        computation: in which the loop stands.
        loop: the `while`.
    """
    if found := _NOTED.search(loop.attributes):
        return int(found[1])
    condition = program.computations[loop.called("condition")[0]]
    test, first = condition.root, computation.get(loop.operands[0])
    if test.operation != "compare" or "direction=LT" not in test.attributes or first is None:
        return None
    counter = condition[test.operands[0]]
    begin, end = (_constant(condition, name, computation, first) for name in test.operands)
    if begin is None or end is None or counter.operation != "get-tuple-element":
        return None
    return max(0, end - begin)


def _constant(inner: Computation, name: str, outer: Computation, first: Instruction) -> int | None:
    """The value of a number in a condition before the first turn, where it is a constant."""
    instruction = inner[name]
    if instruction.operation == "get-tuple-element" and first.operation == "tuple":
        place = re.search(r"index=(\d+)", instruction.attributes)
        assert place is not None
        instruction = outer[first.operands[int(place[1])]]
        while instruction.operation in ("copy", "bitcast"):
            instruction = outer[instruction.operands[0]]
    if instruction.operation != "constant" or not re.fullmatch(r"-?\d+", instruction.argument):
        return None
    return int(instruction.argument)
