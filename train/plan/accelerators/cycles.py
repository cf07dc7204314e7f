"""How long a program takes by its compiler's own estimate: that for TPUs notes one for each kernel."""

from __future__ import annotations

import re

from train.plan.accelerators.execution import executed
from train.plan.accelerators.program import Program

_NOTED = re.compile(r'"estimated_cycles":"(\d+)"')


def estimated_cycles(program: Program) -> int:
    """Cycles of a chip's core for one run of a program, one kernel after the other; 0 where none are noted.

    The roofline asks what main memory and the matrix units need at least. This is what the compiler, which also knows
    the vector unit, expects of the kernels that it made. It compares programs; as a time it is untested.
    """
    noted = [(_NOTED.search(one.instruction.attributes), one.times) for one in executed(program)]
    return sum(int(cycles[1]) * times for cycles, times in noted if cycles)
