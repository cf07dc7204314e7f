"""Whether a JPEG without its end marker is whole: what its segments promise, and what its last scan brought."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

_END, _SCAN, _RESTART_INTERVAL = 0xD9, 0xDA, 0xDD
_RESTARTS = range(0xD0, 0xD8)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_NEVER_SENT = 16
_FILLERS = (b"\x00", b"\x55", b"\xaa", b"\xfe")
"""What may follow the last sample: each pair of bits first."""

_SHORTEST_FILL = 16
"""So many zero bytes at the end are no samples, but what a disk or a download put where the file should go on."""


@dataclass
class Structure:
    """What the segments of a file say.

    Attributes:
        ended: whether the end marker is there.
        whole_segments: whether the file breaks off within a scan's samples at most, not between scans.
        depth: bits of a sample; 0 where no frame was found.
        depth_at: where in the file that is said.
        size: width and height.
        sampling: a component's number to its horizontal and vertical sampling factor.
        missing_bits: a component's number to the low bits of its 64 coefficients that no scan has sent.
        restart_interval: 0 where there is none.
        restarts: how many restart markers the last scan has.
        last_scan: the components of the last scan.
    """

    ended: bool = False
    whole_segments: bool = False
    depth: int = 0
    depth_at: int = 0
    size: tuple[int, int] = (0, 0)
    sampling: dict[int, tuple[int, int]] = field(default_factory=dict)
    missing_bits: dict[int, list[int]] = field(default_factory=dict)
    restart_interval: int = 0
    restarts: int = 0
    last_scan: tuple[int, ...] = ()


def parse(data: bytes) -> Structure:
    """Walks through the segments, as far as there are any."""
    structure = Structure()
    position = 2
    while True:
        position = data.find(b"\xff", position)
        while 0 <= position < len(data) - 1 and data[position + 1] == 0xFF:  # fill bytes
            position += 1
        if position < 0 or position + 4 > len(data):
            structure.ended = position >= 0 and data[position : position + 2] == bytes([0xFF, _END])
            return structure
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == _END:
            structure.ended = True
            return structure
        body = data[position + 4 : position + 2 + length]
        structure.whole_segments = False
        if len(body) != length - 2:
            return structure
        position += 2 + length
        try:
            _read_segment(structure, marker, body)
            if marker in _FRAMES and not structure.depth_at:
                structure.depth_at = position - len(body)
        except (struct.error, IndexError):
            return structure
        if marker == _SCAN:
            position, structure.restarts = _end_of_scan(data, position)
            structure.whole_segments = True


def is_whole(data: bytes, structure: Structure, decode: Callable[[bytes], np.ndarray]) -> bool:
    """Whether a file without an end marker has all that belongs before it.

    The bits behind the last scan of a whole file are seen by no pixel, so that these stay, whatever follows.

    Args:
        data: the file.
        structure: its own.
        decode: from a file to pixels; raises OSError where it cannot.
    """
    if not structure.whole_segments or any(max(bits) for bits in structure.missing_bits.values()):
        return False
    if (
        structure.restart_interval
        and structure.restarts < math.ceil(_blocks(structure) / structure.restart_interval) - 1
    ):
        return False
    samples = without_fill(data)
    try:
        first, *others = (decode(samples + filler * 4096 + bytes([0xFF, _END])) for filler in _FILLERS)
    except OSError:
        return False
    return all(np.array_equal(first, other) for other in others)


def without_fill(data: bytes) -> bytes:
    """A file without end marker up to its last sample: without zeros that fill it up, or the half of a marker."""
    shorter = data.rstrip(b"\x00")
    samples = shorter if len(data) - len(shorter) >= _SHORTEST_FILL else data
    return samples.removesuffix(b"\xff")


def _read_segment(structure: Structure, marker: int, body: bytes) -> None:
    if marker == _RESTART_INTERVAL:
        (structure.restart_interval,) = struct.unpack_from(">H", body)
    elif marker in _FRAMES and not structure.depth:
        structure.depth, height, width, count = struct.unpack_from(">BHHB", body)
        structure.size = (width, height)
        for entry in range(6, 6 + 3 * count, 3):
            structure.sampling[body[entry]] = (body[entry + 1] >> 4, body[entry + 1] & 15)
            structure.missing_bits[body[entry]] = [_NEVER_SENT] * 64
    elif marker == _SCAN:
        count = body[0]
        structure.last_scan = tuple(body[1 + 2 * component] for component in range(count))
        first, last, approximation = body[1 + 2 * count : 4 + 2 * count]
        for component in structure.last_scan:
            for coefficient in range(first, last + 1):
                structure.missing_bits[component][coefficient] = approximation & 15


def _end_of_scan(data: bytes, position: int) -> tuple[int, int]:
    """Where a scan's samples end, and how many restart markers are among them."""
    restarts = 0
    while True:
        position = data.find(b"\xff", position)
        if position < 0 or position + 1 >= len(data):
            return len(data), restarts
        if data[position + 1] in _RESTARTS:
            restarts += 1
        elif data[position + 1] not in (0x00, 0xFF):
            return position, restarts
        position += 1 if data[position + 1] == 0xFF else 2


def _blocks(structure: Structure) -> int:
    """How many coded units the last scan has: blocks of one component, or blocks of several side by side."""
    width, height = structure.size
    most_across = max(across for across, _ in structure.sampling.values())
    most_down = max(down for _, down in structure.sampling.values())
    if len(structure.last_scan) > 1:
        return math.ceil(width / (8 * most_across)) * math.ceil(height / (8 * most_down))
    across, down = structure.sampling[structure.last_scan[0]]
    columns, rows = math.ceil(width * across / most_across), math.ceil(height * down / most_down)
    return math.ceil(columns / 8) * math.ceil(rows / 8)
