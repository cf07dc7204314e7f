"""Transfer functions: from samples to light and, for sRGB, back.

Those of ITU-T H.273 (table 3) are inverted as they stand there. A picture is taken to show the light that its camera
saw, not that of a display with another curve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_M1, _M2, _C1, _C2, _C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
"""The constants of SMPTE ST 2084."""


@dataclass(frozen=True)
class Transfer:
    """A transfer function.

    Attributes:
        kind: a name in this module's table.
        exponent: of the kind "power".
        table: of the kind "table": light at equally spaced samples, 0 to 1; one row, or one of each channel.
    """

    kind: str
    exponent: float = 1.0
    table: tuple[tuple[float, ...], ...] = ()

    @property
    def is_hdr(self) -> bool:
        """Whether light is in cd/m² (PQ) or relative to a bright display's peak (HLG), beyond the white of sRGB."""
        return self.kind in ("pq", "hlg")

    def light(self, signal: np.ndarray) -> np.ndarray:
        """Light of a signal.

        Args:
            signal: float [n], 0 to 1.

        Returns:
            float64 [n] or, of a table of three rows, [n, 3]. 0 to 1 from black to white; PQ: cd/m² over 10 000; HLG:
            the scene's light over that of its peak.
        """
        signal = np.asarray(signal, np.float64)
        if self.kind == "power":
            return signal**self.exponent
        if self.kind == "table":
            rows = [np.interp(signal, np.linspace(0, 1, len(row)), row) for row in self.table]
            return rows[0] if len(rows) == 1 else np.stack(rows, axis=-1)
        return _FUNCTIONS[self.kind](signal)


def encode_srgb(light: np.ndarray) -> np.ndarray:
    """The signal of sRGB (IEC 61966-2-1) for light from 0 to 1; what lies outside is clipped. Keeps the type."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055).astype(light.dtype)


def _srgb(signal: np.ndarray) -> np.ndarray:
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def _bt709(signal: np.ndarray) -> np.ndarray:
    """The inverse of the cameras' curve of BT.709, BT.601 and BT.2020, with α and β of all digits."""
    alpha, beta = 1.099296826809442, 0.018053968510807
    return np.where(signal < 4.5 * beta, signal / 4.5, ((signal + alpha - 1) / alpha) ** (1 / 0.45))


def _smpte_240m(signal: np.ndarray) -> np.ndarray:
    alpha, beta = 1.111572195921731, 0.022821585529445
    return np.where(signal < 4 * beta, signal / 4, ((signal + alpha - 1) / alpha) ** (1 / 0.45))


def _log(decades: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda signal: np.where(signal <= 0, 0.0, 10 ** (decades * (signal - 1)))


def _romm(signal: np.ndarray) -> np.ndarray:
    return np.where(signal < 16 * 0.001953, signal / 16, signal**1.8)


def _cinema(signal: np.ndarray) -> np.ndarray:
    """SMPTE ST 428-1: white lies below the signal's peak."""
    return 52.37 / 48 * signal**2.6


def pq_signal(light: np.ndarray) -> np.ndarray:
    """The signal of SMPTE ST 2084 (PQ), 0 to 1, for light in cd/m² over 10 000."""
    power = np.maximum(light, 0) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def pq_light(signal: np.ndarray) -> np.ndarray:
    """The inverse of `pq_signal`."""
    root = signal ** (1 / _M2)
    return (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)


def _hlg(signal: np.ndarray) -> np.ndarray:
    """The inverse of ITU-R BT.2100's opto-electronic transfer function."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


_FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "srgb": _srgb,
    "bt709": _bt709,
    "smpte240m": _smpte_240m,
    "log100": _log(2.0),
    "log316": _log(2.5),
    "romm": _romm,
    "smpte428": _cinema,
    "pq": pq_light,
    "hlg": _hlg,
}

SRGB_TRANSFER = Transfer("srgb")

TRANSFERS = {
    1: Transfer("bt709"),
    4: Transfer("power", 2.2),
    5: Transfer("power", 2.8),
    6: Transfer("bt709"),
    7: Transfer("smpte240m"),
    8: Transfer("power", 1.0),
    9: Transfer("log100"),
    10: Transfer("log316"),
    11: Transfer("bt709"),
    12: Transfer("bt709"),
    13: SRGB_TRANSFER,
    14: Transfer("bt709"),
    15: Transfer("bt709"),
    16: Transfer("pq"),
    17: Transfer("smpte428"),
    18: Transfer("hlg"),
}
"""TransferCharacteristics of ITU-T H.273, table 3. 11 and 12 differ from BT.709 outside 0 to 1 only."""
