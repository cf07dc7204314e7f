"""SSIMULACRA 2 and Butteraugli, by libjxl's own programs where they are on the PATH.

No package that pip installs has them as their authors wrote them; Debian's libjxl-devtools has butteraugli_main, and a
build of libjxl with its development tools both.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from eval.codecs.interface import CodecError
from eval.codecs.programs import find_program, identity, output_of
from eval.rate_distortion.metrics.pairs import written_pair

_SSIMULACRA2, _BUTTERAUGLI = ("ssimulacra2",), ("butteraugli_main",)
_NUMBER = r"(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)"
_MIN_SIDE = 8  # what both programs refuse below


def ssimulacra2_version() -> str:
    """Of the program."""
    return _version(find_program(*_SSIMULACRA2))


def butteraugli_version() -> str:
    """Of the program."""
    return _version(find_program(*_BUTTERAUGLI))


def ssimulacra2(reference: np.ndarray, decoded: np.ndarray) -> float | None:
    """Up to 100, which is identical; 90 is visually lossless, 30 low quality. None where a side is under 8 pixels."""
    return _measured(find_program(*_SSIMULACRA2), rf"^{_NUMBER}\s*$", reference, decoded)


def butteraugli(reference: np.ndarray, decoded: np.ndarray) -> float | None:
    """The 3-norm of the map of differences, from 0, which is identical. None where a side is under 8 pixels."""
    return _measured(find_program(*_BUTTERAUGLI), rf"^3-norm: {_NUMBER}", reference, decoded)


def _version(program: Path) -> str:
    return f"{program.name} {identity(program)}"


def _measured(program: Path, pattern: str, reference: np.ndarray, decoded: np.ndarray) -> float | None:
    if min(reference.shape[:2]) < _MIN_SIDE:
        return None
    with written_pair(reference, decoded) as pair:
        said = output_of((program, *pair))
    found = re.search(pattern, said, re.MULTILINE)
    if found is None:
        raise CodecError(f"{program.name}: says no score: {said.strip()[:80]!r}")
    return float(found[1])
