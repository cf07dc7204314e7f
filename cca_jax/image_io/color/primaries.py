"""Chromaticities, and the way between sets of them in linear light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Xy: TypeAlias = tuple[float, float]

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_TOLERANCE = 0.002
"""Chromaticities are written with three to five digits, so that equal ones differ by a little."""


@dataclass(frozen=True)
class Primaries:
    """CIE 1931 chromaticities (x, y) of red, green, blue and white."""

    red: Xy
    green: Xy
    blue: Xy
    white: Xy

    def match(self, other: Primaries) -> bool:
        """Whether they are the same but for rounding."""
        mine, others = (np.array([p.red, p.green, p.blue, p.white]) for p in (self, other))
        return bool(np.abs(mine - others).max() <= _TOLERANCE)

    @property
    def are_sound(self) -> bool:
        """Whether they span colours at all, about a white that they can mix."""
        points = np.array([self.red, self.green, self.blue, self.white])
        if not np.isfinite(points).all() or (points < -1).any() or (points > 2).any() or self.white[1] <= 0:
            return False
        columns = _columns(self.red, self.green, self.blue)
        return bool(abs(np.linalg.det(columns)) > 1e-4 and (np.linalg.solve(columns, _xyz(self.white)) > 0).all())


_D65 = (0.3127, 0.3290)
_C = (0.310, 0.316)
_SMPTE_170M = Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65)

SRGB_PRIMARIES = Primaries((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65)

PRIMARIES = {
    1: SRGB_PRIMARIES,
    4: Primaries((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: Primaries((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: _SMPTE_170M,
    7: _SMPTE_170M,
    8: Primaries((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: Primaries((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    10: Primaries((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1 / 3, 1 / 3)),
    11: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: Primaries((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
"""ColourPrimaries of ITU-T H.273, table 2."""


def to_srgb_matrix(primaries: Primaries) -> np.ndarray:
    """[3, 3] from linear light of other primaries to that of sRGB; white stays white (Bradford's adaptation)."""
    adapt = adaptation(primaries.white, SRGB_PRIMARIES.white)
    return np.linalg.inv(to_xyz_matrix(SRGB_PRIMARIES)) @ adapt @ to_xyz_matrix(primaries)


def to_xyz_matrix(primaries: Primaries) -> np.ndarray:
    """[3, 3] from linear light to CIE XYZ, in which white has Y = 1."""
    columns = _columns(primaries.red, primaries.green, primaries.blue)
    return columns * np.linalg.solve(columns, _xyz(primaries.white))


def adaptation(source: Xy, target: Xy) -> np.ndarray:
    """[3, 3] from XYZ under one white to XYZ under another, by Bradford's cone responses."""
    gains = (_BRADFORD @ _xyz(target)) / (_BRADFORD @ _xyz(source))
    return np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD


def _xyz(xy: Xy) -> np.ndarray:
    return np.array([xy[0] / xy[1], 1.0, (1 - xy[0] - xy[1]) / xy[1]])


def _columns(*points: Xy) -> np.ndarray:
    """[3, n] of chromaticities (x, y, z); not scaled by y, which is 0 for the primaries of XYZ itself."""
    return np.array([(x, y, 1 - x - y) for x, y in points]).T
