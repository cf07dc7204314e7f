"""What the page's scripts draw, as one JSON document: pure functions of the results.

Numbers are rounded to what can be seen, and what is not finite or not known is null.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.colors import to_hex

from eval.rate_distortion.curves import PublishedCurve
from eval.rate_distortion.metrics.registry import METRICS, Metric
from eval.report.pictures import Picture, Version, data_uri
from eval.report.plots.series import setting_label, slice_rates
from eval.report.plots.style import CurveStyle, curve_styles
from eval.results.records import ImageRecord, MeanRecord
from eval.results.results import CodecRecord, Results

ERROR_RANGE = 32
"""Absolute difference, in levels of 255, at which the error map's scale ends."""

_RAMPS = {"error": "inferno", "bits": "viridis"}
_RAMP_STOPS = 17


def page_data(results: Results, pictures: Sequence[Picture], published: Sequence[PublishedCurve]) -> dict[str, Any]:
    """The whole document.

    Args:
        results: what was measured.
        pictures: what is shown of it.
        published: curves of the literature; means over the data set.
    """
    styles = curve_styles(results, published)
    codecs = {codec.name: codec for codec in results.codecs}
    images = {name: i for i, name in enumerate(dict.fromkeys(record.image for record in results.records))}
    order = {name: index for index, name in enumerate(codecs)}
    return {
        "codecs": [_codec(codec, styles[codec.name]) for codec in results.codecs],
        "metrics": [_metric(METRICS[name]) for name in results.metrics],
        "means": [_point(order[mean.codec], mean, results.metrics) for mean in results.means],
        "images": list(images),
        "records": [
            [
                images[record.image],
                *_point(order[record.codec], record, results.metrics),
                record.bytes,
                *_costs(record),
            ]
            for record in results.records
        ],
        "published": [
            {**curve.model_dump(include={"name", "source", "metric", "points"}), **styles[curve.name].to_dict()}
            | {"caveat": published_caveat(curve)}
            for curve in published
        ],
        "slices": _slices(results, order, images),
        "pictures": [_picture(picture) for picture in pictures],
        "ramps": {name: _ramp(colors) for name, colors in _RAMPS.items()},
        "error_range": ERROR_RANGE,
    }


def published_caveat(curve: PublishedCurve) -> str:
    """In what a published curve was measured otherwise than here, or may have been; empty for in nothing."""
    pixels = {"float": "PSNR of unrounded images", "unstated": "rounding unstated", "8-bit": ""}[curve.pixels]
    rate = {"estimate": "estimated rates", "unstated": "kind of rate unstated", "file": ""}[curve.rate]
    return ", ".join(part for part in (pixels, rate) if part)


def _codec(codec: CodecRecord, style: CurveStyle) -> dict[str, Any]:
    labels = {f"{setting:g}": setting_label(codec, setting) for setting in codec.settings}
    return {"name": codec.name, "kind": codec.kind, "labels": labels, **style.to_dict()}


def _metric(metric: Metric) -> dict[str, Any]:
    return {"title": metric.title, "label": metric.label, "unit": metric.unit, "digits": metric.digits}


def _point(codec: int, record: ImageRecord | MeanRecord, metrics: Sequence[str]) -> list[Any]:
    """[codec, setting, bits per pixel, PSNR, MS-SSIM, MS-SSIM in dB, [further measures]]."""
    return [
        codec,
        f"{record.setting:g}",
        _number(record.bits_per_pixel, 5),
        _number(record.psnr, 4),
        _number(record.ms_ssim, 6),
        _number(record.ms_ssim_db, 4),
        [_number(record.metrics.get(name), METRICS[name].digits + 2) for name in metrics],
    ]


def _costs(record: ImageRecord) -> list[Any]:
    return [
        _number(record.encode_seconds.get("total"), 5),
        _number(record.decode_seconds.get("total"), 5),
        record.peak_memory_bytes,
    ]


def _slices(results: Results, order: Mapping[str, int], images: Mapping[str, int]) -> list[list[Any]]:
    return [
        [images[one.image], order[one.codec], f"{one.setting:g}", [_number(rate, 6) for rate in one.rates]]
        for one in slice_rates(results)
    ]


def _picture(picture: Picture) -> dict[str, Any]:
    height, width = picture.original.shape[:2]
    return {
        "name": picture.name,
        "width": width,
        "height": height,
        "original": data_uri(picture.original),
        "versions": [_version(version) for version in picture.versions],
    }


def _version(version: Version) -> dict[str, Any]:
    bits = version.bits
    return {
        "codec": version.codec,
        "setting": version.setting,
        "bytes": version.num_bytes,
        "bpp": _number(version.bits_per_pixel, 5),
        "psnr": _number(version.psnr, 4),
        "ms_ssim": _number(version.ms_ssim, 6),
        "note": version.note,
        "image": data_uri(version.pixels),
        "bits": None if bits is None else [bits.hyper.round(2).tolist(), *bits.slices.round(2).tolist()],
    }


def _ramp(name: str) -> list[str]:
    colors = mpl.colormaps[name]
    return [to_hex(colors(i / (_RAMP_STOPS - 1))) for i in range(_RAMP_STOPS)]


def _number(value: float | None, digits: int) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, digits)
