"""The lines of a run on the console: rates in bits per pixel, quality in dB."""

from __future__ import annotations

import datetime
import math
from typing import Any

from train.recipe.config import TrainConfig

_WAIT_TOLD = 0.02

FLOOR_WARNING = (
    "warning: {share:.0%} of the auxiliary model's likelihoods sit on their floor of 1e-9. There R_aux is a constant "
    "without a gradient, so the CCA term no longer orders the slices; it only acts as a rate weight of λ + α on R_y. "
    "With --cca reference that is how the released objective ends up (its authors' logs show it); --cca stopped trains "
    "the auxiliary model to be good and does not saturate where α is below every λ."
)
"""Said once a run, when `aux_floor_fraction` passes one half."""

DATA_WARNING = (
    "warning: photos limit this run: the device waited for them for {share:.0%} of the time. Read in processes "
    "(--workers), keep photos on the device (--photos-on-device), or use smaller files; `python -m bench data` says "
    "what this machine reads."
)
"""Said once a run, when `data_wait` has been large in several lines."""


def noise_warning(config: TrainConfig) -> str | None:
    """What is said of a run to which noise costs nothing (`objective.loss`, the stopped form); None of others."""
    first = (config.first_rate_weight,) if config.drop_at.amount > 0 else ()
    smallest = min(config.model.rate_weights or (config.rate_weight, *first))
    if config.cca != "stopped" or config.cca_weight < smallest:
        return None
    return (
        f"warning: α = {config.cca_weight:g} is not below the smallest rate weight, {smallest:g}: noise that "
        "neighbouring slices share then costs nothing in the stopped form, or pays, and the run may diverge. Give a "
        "smaller --cca-weight."
    )


def train_line(step: int, steps: int, values: dict[str, Any], crops_per_second: float, batch_size: int) -> str:
    """One line of progress.

    Args:
        step: steps done.
        steps: steps in all.
        values: names of `ObjectiveTerms`, `StepReport` and `train.run.timing.pace` to numbers.
        crops_per_second: over all devices, since the last line.
        batch_size: crops of a step.
    """
    rate = crops_per_second / batch_size
    left = datetime.timedelta(seconds=round((steps - step) / rate)) if rate > 0 else "?"
    chip = values.get("tflops_per_second")
    waited = values.get("data_wait", 0.0)
    parts = [
        f"step {step}/{steps}",
        f"{rate:.3g} steps/s",
        f"{crops_per_second:.3g} crops/s",
        *([] if chip is None else [f"{chip:.3g} TFLOP/s a device, {values['share_of_peak']:.1%} of its peak"]),
        *([f"{waited:.0%} waiting for photos"] if waited >= _WAIT_TOLD else []),
        f"{left} left",
        f"loss {values['loss']:.4f}",
        f"{decibels(values['mse']):.2f} dB",
        f"y {values['rate_y']:.4f}",
        f"z {values['rate_z']:.4f} bpp",
    ]
    if values["rate_aux"]:
        parts.append(f"aux {values['rate_aux']:.4f} cca {values['cca']:+.4f} bpp")
    if values["skipped"]:
        parts.append(f"{values['skipped']:.0f} skipped")
    return "  ".join(parts)


def goodput_line(seconds: float, shares: dict[str, float]) -> str:
    """Where the time went, the largest shares first."""
    parts = [f"{name} {share:.1%}" for name, share in sorted(shares.items(), key=lambda item: -item[1])]
    return f"time {datetime.timedelta(seconds=round(seconds))}: {', '.join(parts)}"


def validation_line(step: int, values: dict[str, Any], best: bool) -> str:
    """One line of a validation; `values` by the names of `Validation`."""
    slices = " ".join(f"{rate:.4f}" for rate in values["rate_slices"])
    rates = "".join(
        f"; {rate:.4f} bpp {psnr:.2f} dB"
        for rate, psnr in zip(values.get("rates", ()), values.get("psnrs", ()), strict=True)
    )
    return (
        f"validation {step}  loss {values['loss']:.4f}{' (best)' if best else ''}  {values['psnr']:.2f} dB  "
        f"{values['rate']:.4f} bpp: z {values['rate_z']:.4f}, slices {slices}{rates}"
    )


def decibels(mse: float) -> float:
    """PSNR of a mean squared error on images in [0, 1]; here of the unclamped, unrounded reconstruction."""
    return math.inf if mse == 0 else -10 * math.log10(mse)
