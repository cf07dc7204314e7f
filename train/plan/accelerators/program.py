"""Optimized HLO text, as a compiled program prints it, read into instructions.

Only what counting needs: names, types with their memory space, operations, operands, and the rest as text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_BITS = {"pred": 8, "s4": 4, "u4": 4, "bf16": 16, "c64": 64, "c128": 128}
_ARRAY = re.compile(r"([a-z]\w*)\[([\d,]*)\](\{[^}]*\})?")
_SPACE = re.compile(r"S\((\d+)\)")
_INSTRUCTION = re.compile(r"\s+(ROOT )?%?([\w.\-]+) = ")
_COMPUTATION = re.compile(r"(ENTRY )?%?([\w.\-]+) .*\{$")
MAIN = 0
"""The memory space of a device's main memory; others are on the chip, or on the host."""


class Buffer(NamedTuple):
    """An array of a type.

    Attributes:
        bytes: its size, without padding.
        space: the memory it lies in, `MAIN` or another.
        text: type and sides.
    """

    bytes: int
    space: int
    text: str

    @property
    def in_main(self) -> int:
        """Its bytes where it lies in main memory, else 0."""
        return self.bytes if self.space == MAIN else 0


class Instruction(NamedTuple):
    """One line.

    Attributes:
        name: unique in its computation.
        buffers: of its result, tuples flattened.
        operation: HLO's name of it.
        operands: names.
        attributes: all that follows the operands.
        argument: what stands between the brackets.
        root: whether its result is the computation's.
    """

    name: str
    buffers: tuple[Buffer, ...]
    operation: str
    operands: tuple[str, ...]
    attributes: str
    argument: str
    root: bool

    @property
    def bytes(self) -> int:
        """Of the whole result, wherever it lies."""
        return sum(buffer.bytes for buffer in self.buffers)

    @property
    def in_main(self) -> int:
        """Of the part of the result in main memory."""
        return sum(buffer.in_main for buffer in self.buffers)

    def called(self, role: str) -> list[str]:
        """The computations that an attribute names, as "calls", "body" or "branch_computations" does."""
        found = re.search(rf"\b{role}=(\{{[^}}]*\}}|%?[\w.\-]+)", self.attributes)
        return re.findall(r"[\w.\-]+", found[1]) if found else []

    @property
    def label(self) -> str:
        """Where it comes from in the source, as far as the compiler remembers; else the operation."""
        found = re.search(r'op_name="([^"]*)"', self.attributes)
        return re.sub(r"jit\([^)]*\)/|shard_map/|shmap_body/", "", found[1]) if found else self.operation


class Computation(dict[str, Instruction]):
    """Instructions by name, in order."""

    @property
    def root(self) -> Instruction:
        """That whose result it has."""
        return next(instruction for instruction in self.values() if instruction.root)


class Program(NamedTuple):
    """Computations by name, and which is the first."""

    computations: dict[str, Computation]
    entry: str


def read_program(text: str) -> Program:
    """A program from its text.

    Raises:
        ValueError: there is no entry computation in it.
    """
    computations: dict[str, Computation] = {}
    current, entry = Computation(), None
    for line in text.splitlines():
        if line[:1] not in (" ", "}", "") and (found := _COMPUTATION.match(line)):
            current = computations.setdefault(found[2], Computation())
            entry = found[2] if found[1] else entry
        elif line.startswith(" ") and (instruction := _read(line)) is not None:
            current[instruction.name] = instruction
    if entry is None:
        raise ValueError("the text is no HLO program: it has no ENTRY computation")
    return Program(computations, entry)


def _read(line: str) -> Instruction | None:
    found = _INSTRUCTION.match(line)
    if found is None:
        return None
    rest = line[found.end() :]
    end = _closing(rest) + 1 if rest.startswith("(") else rest.index(" ")
    kind, rest = rest[:end], rest[end:].lstrip()
    operation, bracket, _ = rest.partition("(")
    if not bracket:
        return None
    rest = rest[len(operation) :]
    end = _closing(rest)
    argument = rest[1:end]
    operands = tuple(re.findall(r"%([\w.\-]+)", argument))
    return Instruction(found[2], _buffers(kind), operation, operands, rest[end + 1 :], argument, bool(found[1]))


def _closing(text: str) -> int:
    """Where the bracket that a text begins with closes."""
    depth = 0
    for place in re.finditer(r"[()]", text):
        depth += 1 if place[0] == "(" else -1
        if depth == 0:
            return place.start()
    return len(text) - 1


def _buffers(kind: str) -> tuple[Buffer, ...]:
    buffers = []
    for element, sides, layout in _ARRAY.findall(kind):
        bits = _BITS.get(element) or int("".join(re.findall(r"\d+", element)[:1]) or 0)
        for side in filter(None, sides.split(",")):
            bits *= int(side)
        space = _SPACE.search(layout)
        buffers.append(Buffer(-(-bits // 8), int(space[1]) if space else MAIN, f"{element}[{sides}]"))
    return tuple(buffers)
