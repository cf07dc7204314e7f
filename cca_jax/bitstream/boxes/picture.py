"""The picture box: which samples the original had, where they were not 8 bits of red, green and blue.

One byte: bits 0–3 are the depth less 1, bit 4 is set for a grey picture, the others are 0.
"""

from __future__ import annotations

from typing import NamedTuple

from cca_jax.bitstream.fields import AGAIN
from cca_jax.entropy_coding.errors import CorruptError

MIN_DEPTH = 8
MAX_DEPTH = 16
_GRAY = 0x10


class Samples(NamedTuple):
    """What the original's samples were.

    Attributes:
        depth: bits, 8 to 16.
        gray: whether it had one channel.
    """

    depth: int = MIN_DEPTH
    gray: bool = False


def pack_samples(samples: Samples) -> bytes:
    """The box's content.

    Raises:
        ValueError: a depth that no box states.
    """
    if not MIN_DEPTH <= samples.depth <= MAX_DEPTH:
        raise ValueError(f"a picture has samples of {MIN_DEPTH} to {MAX_DEPTH} bits, got {samples.depth}")
    return bytes([samples.depth - 1 | (_GRAY if samples.gray else 0)])


def unpack_samples(content: bytes) -> Samples:
    """What the box says.

    Raises:
        CorruptError: it says what no box says.
    """
    value = content[0] if len(content) == 1 else 0
    samples = Samples((value & 0x0F) + 1, bool(value & _GRAY))
    if samples.depth < MIN_DEPTH or value & ~(_GRAY | 0x0F):
        raise CorruptError(f"the picture box says what no file says: the file is damaged, {AGAIN}")
    return samples
