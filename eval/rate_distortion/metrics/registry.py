"""Which measures there are, what they need, and how their numbers read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from eval.codecs.conventional import UnavailableError
from eval.rate_distortion.metrics import hvs, jxl_tools, vmaf


@dataclass(frozen=True)
class Metric:
    """A measure of one decoded image against its original.

    Attributes:
        name: as --metrics, records and files name it.
        title: as tables and plots name it.
        unit: " dB", or nothing.
        digits: that are worth showing behind the point.
        version: of what computes it; raises UnavailableError, in one line, where that cannot run here.
        compute: (original, decoded), both uint8 [H, W, 3], to its number; None where the image is too small for it.
        higher_is_better: whether it counts likeness; else it counts a distance.
    """

    name: str
    title: str
    unit: str
    digits: int
    version: Callable[[], str]
    compute: Callable[[np.ndarray, np.ndarray], float | None]
    higher_is_better: bool = True

    @property
    def label(self) -> str:
        """Its title with its unit."""
        return f"{self.title} ({self.unit.strip()})" if self.unit else self.title

    def as_quality(self, value: float) -> float:
        """A number that grows with likeness."""
        return value if self.higher_is_better else -value


_METRICS: Final = (
    Metric("psnr-hvs", "PSNR-HVS", " dB", 2, hvs.version, hvs.psnr_hvs),
    Metric("psnr-hvs-m", "PSNR-HVS-M", " dB", 2, hvs.version, hvs.psnr_hvs_m),
    Metric("vmaf", "VMAF", "", 2, vmaf.version, vmaf.vmaf),
    Metric("ssimulacra2", "SSIMULACRA 2", "", 2, jxl_tools.ssimulacra2_version, jxl_tools.ssimulacra2),
    Metric("butteraugli", "Butteraugli, 3-norm", "", 3, jxl_tools.butteraugli_version, jxl_tools.butteraugli, False),
)
METRICS: Final = {metric.name: metric for metric in _METRICS}
"""By name, in the order in which they are shown."""


def named(names: Sequence[str]) -> tuple[Metric, ...]:
    """The measures of these names, in the order of `METRICS`.

    Raises:
        ValueError: a name is unknown, or its measure cannot run here.
    """
    if unknown := [name for name in names if name not in METRICS]:
        raise ValueError(
            f"--metrics: there is no measure {unknown[0]!r}: choose of psnr, ms-ssim, {', '.join(METRICS)}"
        )
    chosen = tuple(metric for metric in _METRICS if metric.name in names)
    for metric in chosen:
        if (reason := unavailable_reason(metric)) is not None:
            raise ValueError(f"--metrics: {metric.name} {reason}")
    return chosen


def unavailable_reason(metric: Metric) -> str | None:
    """Why a measure cannot run here, in one line; None where it can."""
    try:
        metric.version()
    except UnavailableError as error:
        return str(error)
    return None
