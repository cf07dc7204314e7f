"""The table of means that a run ends with."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from cca_jax.cli.console import print_line, print_table
from cca_jax.objective.metrics import MS_SSIM_MIN_SIDE
from eval.codecs.interface import TOTAL
from eval.codecs.ours import EFFORT
from eval.rate_distortion.metrics.registry import METRICS
from eval.results.records import MeanRecord
from eval.results.results import BdRecord

_HEAD = ("codec", "setting", "images", "bpp", "estimate", "PSNR dB", "MS-SSIM", "dB", "encode s", "decode s")
_BEFORE_TIMES = _HEAD.index("encode s")


def print_means(means: Sequence[MeanRecord]) -> None:
    """Prints the means by codec and setting, and of how many images MS-SSIM's are where that is not all."""
    print_line("")
    names = list(dict.fromkeys(name for mean in means for name in mean.metrics))
    head = (*_HEAD[:_BEFORE_TIMES], *(METRICS[name].title for name in names), *_HEAD[_BEFORE_TIMES:])
    print_table([head, *(_row(mean, names) for mean in means)], numeric=range(1, len(head)))
    partial = sorted({(mean.count_ms_ssim, mean.count) for mean in means if mean.count_ms_ssim < mean.count})
    timed = {(mean.count_timed, mean.count) for mean in means if mean.count_timed is not None}
    for few, count in sorted(timed):
        print_line(f"times are of {few} of {count} images, measured one by one")
    for large, count in partial:
        print_line(
            f"MS-SSIM is of {large} of {count} images: the others have a side under {MS_SSIM_MIN_SIDE} pixels, too "
            "small for its five scales"
        )


def print_efforts(means: Sequence[MeanRecord], bd: Sequence[BdRecord]) -> None:
    """Prints what each effort of a model's encoder brought against none: the table of `cca-jax compress --help`."""
    gains = {(record.anchor, record.codec): record.bd_rate_percent for record in bd if record.metric == "psnr"}
    names = list(dict.fromkeys(mean.codec for mean in means))
    rows = []
    for name in names:
        plain = name.partition(EFFORT)[0]
        if not any(other.startswith(plain + EFFORT) for other in names):
            continue
        seconds = [mean.encode_seconds[TOTAL] for mean in means if mean.codec == name and mean.encode_seconds]
        gain = 0.0 if name == plain else gains.get((plain, name))
        rows.append((name, f"{fmean(seconds):.1f}" if seconds else "n/a", "n/a" if gain is None else f"{gain:+.1f}"))
    if rows:
        print_line("")
        print_table([("codec", "encode s", "bits %"), *rows], numeric=(1, 2))


def _row(mean: MeanRecord, metrics: Sequence[str]) -> tuple[str, ...]:
    return (
        mean.codec,
        f"{mean.setting:g}",
        str(mean.count),
        f"{mean.bits_per_pixel:.4f}",
        _number(mean.estimated_bits_per_pixel, 4, ""),
        _number(mean.psnr, 2, "infinite"),
        _number(mean.ms_ssim, 4, "n/a"),
        _number(mean.ms_ssim_db, 2, "n/a" if mean.ms_ssim is None else "infinite"),
        *(_number(mean.metrics.get(name), METRICS[name].digits, "n/a") for name in metrics),
        _number(mean.encode_seconds.get(TOTAL), 3, "n/a"),
        _number(mean.decode_seconds.get(TOTAL), 3, "n/a"),
    )


def _number(value: float | None, digits: int, missing: str) -> str:
    return missing if value is None else f"{value:.{digits}f}"
