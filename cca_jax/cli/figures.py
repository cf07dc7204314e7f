"""Bits per pixel, PSNR and MS-SSIM as the command line prints them, and their means over several images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite
from statistics import fmean
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Figures:
    """What was measured on one image, or the mean of several."""

    bits_per_pixel: float
    """Bits of the whole file over the pixels of the original."""

    psnr: float
    """Decibels."""

    ms_ssim: float | None
    """0 to 1; None where the image is too small."""

    def facts(self) -> dict[str, float | None]:
        """For a journal or a summary, where what is infinite is None."""
        return {"bpp": self.bits_per_pixel, "psnr": self.psnr if isfinite(self.psnr) else None, "ms_ssim": self.ms_ssim}

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Figures | None:
        """The inverse of `facts`; None where fidelity was not measured."""
        if "psnr" not in facts:
            return None
        return cls(facts["bpp"], inf if facts["psnr"] is None else facts["psnr"], facts["ms_ssim"])

    def __str__(self) -> str:
        similarity = "n/a" if self.ms_ssim is None else f"{self.ms_ssim:.4f}"
        return f"{format_rate(self.bits_per_pixel)}  PSNR {self.psnr:5.2f} dB  MS-SSIM {similarity}"


def bits_per_pixel(num_bytes: int, height: int, width: int) -> float:
    """Bits of the whole file over the pixels of the original."""
    return 8 * num_bytes / (height * width)


def format_rate(rate: float) -> str:
    """Bits per pixel in a column of its own."""
    return f"{rate:7.4f} bpp"


def measure(original: np.ndarray, decoded: np.ndarray, num_bytes: int) -> Figures:
    """Compares what came back with the original.

    Args:
        original: uint8 [H,W,3].
        decoded: uint8 [H,W,3].
        num_bytes: length of the compressed file.

    Raises:
        ValueError: the sizes differ.
    """
    from cca_jax.objective.metrics import fidelity

    if original.shape != decoded.shape:
        sizes = " and ".join(f"{image.shape[1]}×{image.shape[0]}" for image in (decoded, original))
        raise ValueError(f"the decoded image and its original differ in size ({sizes} pixels): give its own original")
    psnr, ms_ssim = fidelity(original, decoded)
    return Figures(bits_per_pixel(num_bytes, *original.shape[:2]), psnr, ms_ssim)


def mean_line(figures: list[Figures]) -> str | None:
    """The line of means over several images, or None for fewer than two. Too small images have no part in MS-SSIM's."""
    if len(figures) < 2:
        return None
    similarities = [one.ms_ssim for one in figures if one.ms_ssim is not None]
    mean = Figures(
        bits_per_pixel=fmean(one.bits_per_pixel for one in figures),
        psnr=fmean(one.psnr for one in figures),
        ms_ssim=fmean(similarities) if similarities else None,
    )
    coverage = f" (MS-SSIM of {len(similarities)})" if 0 < len(similarities) < len(figures) else ""
    return f"mean of {len(figures)} images  {mean}{coverage}"
