"""The table of means that a run ends with."""

from __future__ import annotations

from collections.abc import Sequence

from cca_jax.cli.console import print_line, print_table
from cca_jax.objective.metrics import MS_SSIM_MIN_SIDE
from eval.codecs.interface import TOTAL
from eval.results.records import MeanRecord

_HEAD = ("codec", "setting", "images", "bpp", "estimate", "PSNR dB", "MS-SSIM", "dB", "encode s", "decode s")


def print_means(means: Sequence[MeanRecord]) -> None:
    """Prints the means by codec and setting, and of how many images MS-SSIM's are where that is not all."""
    print_line("")
    print_table([_HEAD, *(_row(mean) for mean in means)], numeric=range(1, len(_HEAD)))
    partial = sorted({(mean.count_ms_ssim, mean.count) for mean in means if mean.count_ms_ssim < mean.count})
    for large, count in partial:
        print_line(
            f"MS-SSIM is of {large} of {count} images: the others have a side under {MS_SSIM_MIN_SIDE} pixels, too "
            "small for its five scales"
        )


def _row(mean: MeanRecord) -> tuple[str, ...]:
    return (
        mean.codec,
        f"{mean.setting:g}",
        str(mean.count),
        f"{mean.bits_per_pixel:.4f}",
        _number(mean.estimated_bits_per_pixel, 4, ""),
        _number(mean.psnr, 2, "infinite"),
        _number(mean.ms_ssim, 4, "n/a"),
        _number(mean.ms_ssim_db, 2, "n/a" if mean.ms_ssim is None else "infinite"),
        f"{mean.encode_seconds[TOTAL]:.3f}",
        f"{mean.decode_seconds[TOTAL]:.3f}",
    )


def _number(value: float | None, digits: int, missing: str) -> str:
    return missing if value is None else f"{value:.{digits}f}"
