"""How many cycles a TPU's kernels take by the schedules that its compiler made of them.

A TPU's core issues one bundle of instructions a cycle, in an order that its compiler fixed; it can write the bundles
down. They know the vector unit, of which the roofline (`train.plan.accelerators.roofline`) knows nothing. They do not
know how long a kernel waits for main memory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cca_jax.cli.environment import environment_variable
from train.plan.accelerators.execution import executed
from train.plan.accelerators.program import Program

_ARGUMENTS = "LIBTPU_INIT_ARGS"
_BUNDLE = re.compile(r"^ *(?:0x[0-9a-f]+|0) +(?P<label>\w*): *>* *\{")
_LAST_TURN = re.compile(r"scmp\.ge\.s32\.totalorder %\w+, (\d+) /\* loop exit test \*/")
_BRANCH = re.compile(r"sbr\.rel .*target = \$region(\d+)")
_REGION = re.compile(r"Start region (\d+)")
_LOOP = ("LB", "LH")
"""Labels of a loop's first bundle: its body's, or its header's."""


class Schedules(NamedTuple):
    """Of one run of a program.

    Attributes:
        cycles: of a core, one kernel after the other.
        unknown: fusions whose schedule was not found, which count as nothing, and loops within kernels whose length is
            not in it, which count as one turn.
    """

    cycles: int
    unknown: int


@contextlib.contextmanager
def schedules_written() -> Iterator[Path]:
    """Within it, the compiler for TPUs writes into the folder that this gives; compiling takes longer.

    Must come before anything else touches JAX: the compiler reads once what it is asked for.
    """
    with tempfile.TemporaryDirectory(prefix="cca_jax-schedules-") as folder:
        asked = (
            os.environ.get(_ARGUMENTS, ""),
            f"--xla_jf_dump_to={folder}",
            "--xla_jf_dump_llo_text=true",
            "--xla_jf_dump_llo_pass_label_regex=.*(final_bundles|deduplication).*",
        )
        with environment_variable(_ARGUMENTS, " ".join(filter(None, asked))):
            yield Path(folder)


def scheduled(program: Program, folder: Path) -> Schedules:
    """What a program takes by the schedules in the folder into which it was compiled.

    Raises:
        ValueError: there are none.
    """
    files = {
        found[1]: path for path in folder.iterdir() if (found := re.match(r"\d+-(.+)-\d+-final_bundles", path.name))
    }
    alike = {name: first for path in folder.glob("*-deduplication-map*") for name, first in _alike(path).items()}
    known: dict[str, tuple[int, int]] = {}
    cycles = unknown = 0
    for instruction, _, times in executed(program):
        kernel = instruction.name if instruction.name in files else alike.get(instruction.name, "")
        if kernel in files:
            if kernel not in known:
                known[kernel] = cycles_of_bundles(files[kernel].read_text(errors="replace"))
            cycles += times * known[kernel][0]
            unknown += known[kernel][1]
        elif instruction.operation == "fusion":
            unknown += 1
    if not known:
        raise ValueError(f"this version of the compiler writes no schedules by {_ARGUMENTS}: leave --schedules out")
    return Schedules(cycles, unknown)


def cycles_of_bundles(text: str) -> tuple[int, int]:
    """Bundles of a kernel, those within loops times their turns; and loops of which the turns are not there.

    What is jumped over where a condition does not hold counts all the same.
    """
    within = [_Loop()]
    unknown = 0
    for line in text.splitlines():
        bundle = _BUNDLE.match(line)
        if bundle is None:
            continue
        if bundle["label"] in _LOOP:
            within.append(_Loop(begins=frozenset(_REGION.findall(line))))
        loop = within[-1]
        loop.bundles += 1
        if last := _LAST_TURN.search(line):
            loop.turns = int(last[1])
        if (branch := _BRANCH.search(line)) and any(branch[1] in one.begins for one in within):
            while branch[1] not in within[-1].begins:
                unknown += _end(within)  # never turned back
            unknown += _end(within)
    while len(within) > 1:
        unknown += _end(within)
    return within[0].bundles, unknown


def _end(within: list[_Loop]) -> bool:
    """Counts the innermost loop into the one around it; whether its turns are unknown."""
    loop = within.pop()
    within[-1].bundles += loop.bundles * (loop.turns or 1)
    return loop.turns is None


@dataclasses.dataclass
class _Loop:
    """One that is being read: the regions that its first bundle begins, its bundles, its turns if they are known."""

    begins: frozenset[str] = frozenset()
    bundles: int = 0
    turns: int | None = None


def _alike(path: Path) -> dict[str, str]:
    """Kernels that were compiled as another one: their names, and its."""
    first, names = "", {}
    for line in path.read_text(errors="replace").splitlines():
        if line.startswith("key:"):
            first = line.removeprefix("key:")
        elif line.startswith("  "):
            names[line.strip()] = first
    return names
